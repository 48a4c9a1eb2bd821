"""The checked parameters of one call, and which of them the operation has read.

If Stripe knows a parameter but no code has read it, the parameter had no effect. In
that case, the call is refused with `simulator_unsupported`, and its changes are rolled
back. So the simulator never ignores a parameter silently.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from simulator.objects import Object
from simulator.protocol.errors import StripeError

METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500


class Params(Mapping[str, Any]):
    """A hash of parameters, which may contain other hashes.

    Values have their Python types, and inner hashes are `Params`, too.

    A parameter that was sent with an empty value, in order to unset it, is `None`.
    """

    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        value = self._values[name]
        self._read.add(name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def path(self, name: str) -> str:
        """Return the path as Stripe writes it in `param`: `items[0][price]`."""
        return f"{self._path}[{name}]" if self._path else name

    def whole(self, name: str, default: Any = None) -> Any:
        """Return the value as plain data, and mark all of it as read."""
        return _plain(self[name]) if name in self else default

    def into(self, target: Object, *names: str) -> None:
        """Copy those parameters `names` that the request contains into `target`."""
        for name in names:
            if name in self:
                target[name] = self.whole(name)

    def merge_metadata(self, target: Object) -> None:
        """Merge the metadata of the call into the object, by Stripe's rule.

        An empty value removes a key, and empty `metadata` removes all of them.
        """
        if "metadata" not in self:
            return
        sent = self["metadata"]
        merged = {} if sent is None else target.get("metadata") or {}
        target["metadata"] = {
            key: value for key, value in {**merged, **(sent or {})}.items() if value != ""
        }
        check_metadata(target["metadata"])

    def accept(self, *names: str) -> None:
        """Mark as read parameters that have no visible effect in the simulator."""
        for name in names:
            self.whole(name)

    def unread(self) -> Iterator[str]:
        for name, value in self._values.items():
            if name not in self._read:
                yield self.path(name)
                continue
            nested = value if isinstance(value, list) else [value]
            for item in nested:
                if isinstance(item, Params):
                    yield from item.unread()


def _plain(value: Any) -> Any:
    if isinstance(value, Params):
        return {name: value.whole(name) for name in value}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def check_metadata(metadata: dict[str, str]) -> None:
    if len(metadata) > METADATA_KEYS:
        raise StripeError(f"Metadata can have at most {METADATA_KEYS} keys.", param="metadata")
    for key, value in metadata.items():
        if len(key) > METADATA_KEY_LENGTH:
            raise StripeError(
                f"Metadata keys can have up to {METADATA_KEY_LENGTH} characters.", param="metadata"
            )
        if len(value) > METADATA_VALUE_LENGTH:
            raise StripeError(
                f"Metadata values can have up to {METADATA_VALUE_LENGTH} characters, but you "
                f"passed in a value that is {len(value)} characters.",
                param=f"metadata[{key}]",
            )
