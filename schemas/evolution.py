"""Whether a schema has only grown: records and readers of yesterday must still do tomorrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
#: Types that a wider one takes in.
_FITS = {"number": ("number", "integer")}


def breaking_changes(published: Schema, present: Schema) -> list[str]:
    """What breaks between two JSON Schemas of one topic; empty if the present one only adds to the published.

    Breaking: a field is gone, has become required, takes fewer types, values or a smaller range. Each is
    named by its path, `actor.followers: …`. Both schemas are such as pydantic writes ($defs at the root).
    """
    return list(dict.fromkeys(_Comparison(published, present).compare(published, present, "", frozenset())))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The two documents, in which references are looked up."""

    old_root: Schema
    new_root: Schema

    def compare(self, old: Schema, new: Schema, path: str, seen: frozenset[str]) -> list[str]:
        """Each alternative that was taken must still fit into one that is taken now."""
        found: list[str] = []
        for branch in old.get("anyOf", [old]):
            tries: list[list[str]] = [
                self._compare_one(branch, other, path, seen) for other in new.get("anyOf", [new])
            ]
            if all(tries):
                closest = min(tries, key=len)
                found += closest
        return found

    def _compare_one(self, old: Schema, new: Schema, path: str, seen: frozenset[str]) -> list[str]:
        if (ref := old.get("$ref")) is not None:
            if ref in seen:  # a part that holds itself
                return []
            seen |= {ref}
        old, new = _resolve(old, self.old_root), _resolve(new, self.new_root)
        found = _narrowed(old, new, path)
        required = set(new.get("required", ())) - set(old.get("required", ()))
        found += [f"{_join(path, name)}: has become required" for name in sorted(required)]
        present = new.get("properties", {})
        for name, field in old.get("properties", {}).items():
            if name in present:
                found += self.compare(field, present[name], _join(path, name), seen)
            else:
                found.append(f"{_join(path, name)}: is gone")
        for keyword, step in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(old.get(keyword), dict) and isinstance(new.get(keyword), dict):
                found += self.compare(old[keyword], new[keyword], path + step, seen)
        if (
            new.get("additionalProperties", True) is False
            and old.get("additionalProperties", True) is not False
        ):
            found.append(f"{path}: no longer takes unknown fields")
        return found


def _narrowed(old: Schema, new: Schema, path: str) -> list[str]:
    found = []
    if "type" in new and old.get("type") not in _FITS.get(new["type"], (new["type"],)):
        found.append(f"{path}: takes {new['type']}, took {old.get('type', 'anything')}")
    if "enum" in new and (gone := [value for value in _values(old) if value not in new["enum"]]):
        found.append(f"{path}: no longer takes {', '.join(map(str, gone))}")
    for keyword, sign in (("minimum", 1), ("minLength", 1), ("maximum", -1), ("maxLength", -1)):
        if keyword in new and (keyword not in old or sign * new[keyword] > sign * old[keyword]):
            found.append(f"{path}: {keyword} is now {new[keyword]}, was {old.get(keyword, 'open')}")
    return found


def _values(schema: Schema) -> list[Any]:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] = schema.get("enum", ["anything else"])
    return values


def _resolve(schema: Schema, root: Schema) -> Schema:
    while (ref := schema.get("$ref")) is not None:
        schema = root["$defs"][ref.rsplit("/", 1)[1]]
    return schema


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
