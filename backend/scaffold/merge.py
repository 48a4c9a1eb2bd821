"""Merges newly generated code into a file that the developer may have edited.

The difference between two generated versions is applied to the current file by
comparing syntax trees (libcst). Missing definitions are inserted, and missing entries
are added to tables and classes. A function is replaced only if the developer has not
changed it. Comments and layout stay.
"""

import ast
import textwrap
from collections.abc import Sequence
from typing import Any

import libcst as cst

from scaffold.problems import Refused

Block = cst.ClassDef | cst.FunctionDef


class Untouchable(Refused):
    """The developer has edited the code that would have to change."""


def merge(current: str, base: str, new: str, file: str) -> str:
    """Return `current`, plus everything that is in `new` but not in `base`.

    Raises `Untouchable` if the developer has edited code that would have to change.
    """
    trees = [cst.parse_module(text) for text in (current, base, new)]
    body = _body(trees[0].body, trees[1].body, trees[2].body, file)
    return trees[0].with_changes(body=body).code


def _body(current: Sequence[Any], base: Sequence[Any], new: Sequence[Any], place: str) -> list[Any]:
    known = {_key(node): node for node in base}
    result = list(current)
    for index, node in enumerate(new):
        key = _key(node)
        before = known.get(key)
        if before is not None and _same(before, node):
            continue
        at = next((i for i, there in enumerate(result) if _key(there) == key), None)
        if at is not None:
            result[at] = _combined(result[at], before, node, f"{place}: {key[1]}")
        elif before is not None:
            raise Untouchable(
                f"{place}: {key[1]} no longer exists, so it cannot be changed. Nothing was written."
            )
        else:
            _insert(result, node, new[index + 1 :])
    return result


def _insert(result: list[Any], node: Any, followers: Sequence[Any]) -> None:
    """Insert a statement: an import after the last import, any other statement before
    the statements that follow it in the generated file.

    A block of assignments remains one block.
    """
    imports = [i for i, there in enumerate(result) if _key(there)[0] == "import"]
    if _key(node)[0] == "import" and imports:
        result.insert(imports[-1] + 1, node)
        return
    at = _place(result, followers)
    if at < len(result) and isinstance(node, cst.SimpleStatementLine):
        follower = result[at]
        if isinstance(follower, cst.SimpleStatementLine) and not any(
            line.comment for line in follower.leading_lines
        ):
            node = node.with_changes(leading_lines=follower.leading_lines)
            result[at] = follower.with_changes(leading_lines=())
    result.insert(at, node)


def _place(result: Sequence[Any], followers: Sequence[Any]) -> int:
    """Return the index of the first follower that `result` contains, or its length."""
    keys = [_key(node) for node in result]
    return next((keys.index(_key(node)) for node in followers if _key(node) in keys), len(keys))


def _key(node: Any) -> tuple[str, str]:
    """Return a key that identifies a statement or an entry in both versions."""
    if isinstance(node, Block):
        return "definition", node.name.value
    if isinstance(node, cst.SimpleStatementLine):
        small = node.body[0]
        if isinstance(small, cst.Assign):
            return "name", _code(small.targets[0].target)
        if isinstance(small, cst.AnnAssign):
            return "name", _code(small.target)
        if isinstance(small, cst.ImportFrom):
            return "import", "." * len(small.relative) + (
                _code(small.module) if small.module else ""
            )
    if isinstance(node, cst.DictElement):
        return "entry", _normal(node.key)
    return "code", _normal(node)


def _combined(current: Any, base: Any, new: Any, place: str) -> Any:
    if _same(current, new):
        return current
    if isinstance(current, cst.ClassDef) and isinstance(new, cst.ClassDef):
        inner = _body(current.body.body, base.body.body if base else (), new.body.body, place)
        return current.with_changes(body=current.body.with_changes(body=inner))
    if isinstance(current, cst.FunctionDef) and isinstance(new, cst.FunctionDef):
        return _function(current, base, new, place)
    if isinstance(current, cst.SimpleStatementLine) and isinstance(new, cst.SimpleStatementLine):
        old = base.body[0] if base is not None else None
        return current.with_changes(body=[_simple(current.body[0], old, new.body[0], place)])
    raise Untouchable(
        f"{place} was changed by hand, so it cannot be changed here. Nothing was written."
    )


def _function(
    current: cst.FunctionDef, base: cst.FunctionDef | None, new: cst.FunctionDef, place: str
) -> Any:
    decorators = _decorators(current, base, new)
    if base is None or _same(base.body, new.body) or _same(current.body, new.body):
        return current.with_changes(decorators=decorators)
    if _same(current.body, base.body):
        return current.with_changes(decorators=decorators, body=new.body)
    known = [_normal(node) for node in base.body.body]
    if any(_key(node)[0] != "name" for node in new.body.body if _normal(node) not in known):
        raise Untouchable(
            f"{place} was changed by hand, so it cannot be changed here. Nothing was written."
        )
    inner = _body(
        current.body.body, base.body.body, new.body.body, place
    )  # tables in the function get new entries
    return current.with_changes(decorators=decorators, body=current.body.with_changes(body=inner))


def _decorators(
    current: cst.FunctionDef, base: cst.FunctionDef | None, new: cst.FunctionDef
) -> list[cst.Decorator]:
    """Return the current decorators. Missing arguments are added to decorators that are
    calls.
    """
    known = [_normal(one.decorator) for one in base.decorators] if base else []
    result = list(current.decorators)
    for one in new.decorators:
        if _normal(one.decorator) in known or not isinstance(one.decorator, cst.Call):
            continue
        name = _normal(one.decorator.func)
        same = [
            i
            for i, d in enumerate(result)
            if isinstance(d.decorator, cst.Call) and _normal(d.decorator.func) == name
        ]
        if same:
            call = cst.ensure_type(result[same[0]].decorator, cst.Call)
            arguments = _entries(call.args, (), one.decorator.args)
            result[same[0]] = result[same[0]].with_changes(
                decorator=call.with_changes(args=arguments)
            )
        else:
            result.append(one)
    return result


def _simple(current: Any, base: Any, new: Any, place: str) -> Any:
    if isinstance(current, cst.ImportFrom) and isinstance(current.names, Sequence):
        return current.with_changes(
            names=_without_last_comma(_entries(current.names, (), new.names))
        )
    value, wanted = getattr(current, "value", None), getattr(new, "value", None)
    before = getattr(base, "value", None)
    if (
        isinstance(value, cst.Subscript)
        and isinstance(wanted, cst.Subscript)
        and _same(value.value, wanted.value)
    ):
        old: Sequence[Any] = before.slice if isinstance(before, cst.Subscript) else ()
        return current.with_changes(
            value=value.with_changes(slice=_entries(value.slice, old, wanted.slice))
        )
    if (
        isinstance(value, cst.Call)
        and isinstance(wanted, cst.Call)
        and _same(value.func, wanted.func)
    ):
        arguments = before.args if isinstance(before, cst.Call) else ()
        extended = _without_last_comma(_entries(value.args, arguments, wanted.args))
        return current.with_changes(value=value.with_changes(args=extended))
    for kind in (cst.Dict, cst.List, cst.Tuple):
        if isinstance(value, kind) and isinstance(wanted, kind):
            old = before.elements if isinstance(before, kind) else ()
            merged = value.with_changes(elements=_entries(value.elements, old, wanted.elements))
            return current.with_changes(value=merged)
    raise Untouchable(
        f"{place} was changed by hand, so it cannot be changed here. Nothing was written."
    )


def _entries(current: Sequence[Any], base: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """Merge two lists of items: table entries, arguments, or imported names."""
    known = {_key(node) for node in base}
    result = [node.with_changes(comma=cst.Comma()) if _no_comma(node) else node for node in current]
    for index, node in enumerate(new):
        if _key(node) not in known and _key(node) not in [_key(there) for there in result]:
            result.insert(_place(result, new[index + 1 :]), node.with_changes(comma=cst.Comma()))
    return result


def _without_last_comma(entries: Sequence[Any]) -> list[Any]:
    *others, last = entries
    return [*others, last.with_changes(comma=cst.MaybeSentinel.DEFAULT)]


def _no_comma(node: Any) -> bool:
    return isinstance(node.comma, cst.MaybeSentinel)


def _same(one: Any, other: Any) -> bool:
    return _normal(one) == _normal(other)


def _normal(node: Any) -> str:
    """Return the code of a node without layout and comments, for comparison."""
    bare = node.with_changes(comma=cst.MaybeSentinel.DEFAULT) if hasattr(node, "comma") else node
    code = textwrap.dedent(_code(bare)).strip()
    try:
        return ast.dump(ast.parse(code))
    except SyntaxError:  # the node is a table entry, or a block without its first line
        return " ".join(code.split())


def _code(node: Any) -> str:
    return cst.Module([]).code_for_node(node)
