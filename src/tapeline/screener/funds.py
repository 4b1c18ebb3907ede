"""Exchange-traded funds and notes that breadth leaves out unless a settings file names others.

A fund holds what is counted already, and a leveraged or inverse one counts it thrice or upside down. The list is of the
widely traded ones by their tickers of 2025, with those of 2018 that were renamed since; it claims to be no register.
"""

from __future__ import annotations

_LISTED = (
    # broad, styles
    "SPY IVV VOO VTI QQQ QQQM IWM DIA RSP MDY IJH IJR IWB IWD IWF IWV VB VO VTV VUG SCHD VIG VYM USMV MTUM QUAL "
    # sectors, industries, themes
    "XLB XLC XLE XLF XLI XLK XLP XLRE XLU XLV XLY SMH SOXX XBI IBB XOP XME XRT XHB ITB KRE KBE IYR VNQ GDX GDXJ OIH "
    "JETS IGV TAN ARKK "
    # other countries
    "EEM VWO IEMG EFA VEA IEFA EZU EWJ EWZ EWY EWT FXI MCHI KWEB INDA "
    # bonds
    "TLT IEF SHY BIL SGOV AGG BND LQD HYG JNK EMB TIP MUB "
    # commodities, currencies, volatility
    "GLD IAU SLV PPLT USO BNO UNG UGA DBA DBB DBC UUP FXE FXY IBIT BITO VXX VXXB VIXY UVXY SVXY "
    # leveraged and inverse
    "TQQQ SQQQ QLD QID SPXL SPXS UPRO SPXU SSO SDS UDOW SDOW TNA TZA SOXL SOXS TECL TECS FAS FAZ FNGU WEBL LABU LABD "
    "NAIL NUGT DUST JNUG JDST ERX ERY BOIL KOLD UCO SCO YINN YANG TMF TMV NVDL TSLL"
)
FUNDS = tuple(_LISTED.split())
