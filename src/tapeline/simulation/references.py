"""References to structs of arrays that compiled code opens without counting who holds them.

Numba's `structref` counts each use of a reference and of each array reached through one, by calls that the
optimiser must neither remove nor look into: half of the time of a fill. Here Python's object keeps the struct alive
for as long as compiled code works with it, so a reference is a bare address, and what `market.positions` gives is
loaded like a field of a C struct. The arrays that never move are marked so: they are loaded once for all of a
function.

The functions that work with such references are compiled with `**UNCOUNTED`, and so is all that they call. Only those
that make an array, as growing tables do, are `**COUNTED`.

This stands on Numba's inner workings, as `indicators/inner.py` does.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, imputils
from numba.core.datamodel import default_manager, models
from numba.core.extending import infer_getattr, lower_getattr_generic, lower_setattr_generic
from numba.core.runtime.context import NRTContext
from numba.core.runtime.nrtdynmod import _meminfo_struct_type as MEMORY  # noqa: N812  (a type of LLVM, used as a constant)
from numba.core.typing.templates import AttributeTemplate
from numba.experimental import structref
from numba.extending import NativeValue, box, unbox

COUNTED: Any = {"_nrt": True}
UNCOUNTED: Any = {"_nrt": False}

INLINED: Any = {"forceinline": True}
"""For functions that are called in one place, with arrays: each array is seven numbers on the stack otherwise."""

DATA_FIELD = 3  # of MEMORY: the address of the struct


class ReferenceModel(models.StructRefModel):  # type: ignore[misc]  # Numba carries no types
    """A reference whose holders are not counted."""

    def traverse(self, builder: Any) -> Any:
        """Return what is counted: nothing."""
        return []

    def inner_models(self) -> Any:
        """Likewise."""
        return []


class Reference(types.StructRef):  # type: ignore[misc]  # Numba carries no types
    """A reference to a struct, whose type goes by its class's name alone.

    By default the name lists every field of every record, 23,000 characters for a market, and becomes part
    of the name of every function that takes one: most of the compiler's time went into reading and writing
    names.
    """

    def __init__(self, fields: Any) -> None:
        super().__init__(fields)
        self.name = type(self).__qualname__

    def preprocess_fields(self, fields: Any) -> Any:
        """Forget literal types, as Numba asks of every such class."""
        return tuple((name, types.unliteral(kind)) for name, kind in fields)

    def stays(self, name: str) -> bool:
        """Return whether a field is an array that is bound once and for all: one that no owner replaces."""
        return isinstance(self.field_dict[name], types.Array) and f"{name}_owner" not in self.field_dict


def define_reference(kind: type[Reference], proxy: type[structref.StructRefProxy]) -> None:
    """Make references of a kind known to the compiler, and `proxy` Python's object for them."""

    class Attributes(AttributeTemplate):  # type: ignore[misc]  # Numba carries no types
        key = kind

        def generic_resolve(self, reference: Any, name: str) -> Any:
            return reference.field_dict.get(name)

    infer_getattr(Attributes)
    default_manager.register(kind, ReferenceModel)
    lower_getattr_generic(kind)(_get_field)
    lower_setattr_generic(kind)(_set_field)
    box(kind)(partial(_to_python, proxy._numba_box_))
    unbox(kind)(_from_python)


def _place_of(context: Any, builder: Any, kind: Any, reference: Any, name: str) -> Any:
    memory = cgutils.create_struct_proxy(kind)(context, builder, value=reference).meminfo
    place = cgutils.gep(builder, builder.bitcast(memory, MEMORY.as_pointer()), 0, DATA_FIELD)
    model = context.data_model_manager[kind.get_data_type()]
    struct = builder.bitcast(_load(builder, place, True), model.get_value_type().as_pointer())
    return cgutils.gep(builder, struct, 0, model.get_field_position(name))


def _get_field(context: Any, builder: Any, kind: Any, reference: Any, name: str) -> Any:
    place = _place_of(context, builder, kind, reference, name)
    field = kind.field_dict[name]
    value_type = context.get_value_type(field)
    value = ir.Constant(value_type, ir.Undefined)
    for index in range(len(value_type.elements)):
        part = _load(builder, cgutils.gep(builder, place, 0, index), kind.stays(name))
        value = builder.insert_value(value, part, index)
    return imputils.impl_ret_borrowed(context, builder, field, value)


def _set_field(context: Any, builder: Any, signature: Any, values: Any, name: str) -> None:
    kind, given = signature.args
    place = _place_of(context, builder, kind, values[0], name)
    field = kind.field_dict[name]
    value = context.cast(builder, values[1], given, field)
    before = builder.load(place)
    context.nrt.incref(builder, field, value)
    builder.store(value, place)
    context.nrt.decref(builder, field, before)


def _load(builder: Any, place: Any, stays: bool) -> Any:
    value = builder.load(place)
    if stays:
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


def _to_python(make: Any, kind: Any, reference: Any, c: Any) -> Any:
    # Python's object takes over the only claim there is
    memory = cgutils.create_struct_proxy(kind)(c.context, c.builder, value=reference).meminfo
    parts = [
        c.pyapi.unserialize(c.pyapi.serialize_object(make)),
        c.pyapi.unserialize(c.pyapi.serialize_object(kind)),
        c.box(types.MemInfoPointer(types.voidptr), memory),
    ]
    proxy = c.pyapi.call_function_objargs(parts[0], parts[1:])
    for part in parts:
        c.pyapi.decref(part)
    return proxy


def _from_python(kind: Any, proxy: Any, c: Any) -> Any:
    memory = c.pyapi.object_getattr_string(proxy, "_meminfo")
    reference = cgutils.create_struct_proxy(kind)(c.context, c.builder)
    reference.meminfo = c.pyapi.nrt_meminfo_from_pyobject(memory)
    # that has claimed the memory, which the caller's object keeps alive anyway
    NRTContext(c.context, True).decref(c.builder, types.MemInfoPointer(types.voidptr), reference.meminfo)
    c.pyapi.decref(memory)
    return NativeValue(reference._getvalue())
