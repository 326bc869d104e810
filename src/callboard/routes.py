"""What each alias stands for: aliases inside it followed to their end, so that no plan can go in a circle. Pure."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from callboard.actors.orchestrator.checks.names import check_name
from callboard.errors import ConfigError
from callboard.messages.faults import FaultKind
from callboard.sections import AliasConfig

Alias = list[str] | AliasConfig

OWN = frozenset({FaultKind.INVALID_REQUEST, FaultKind.UNAVAILABLE, FaultKind.DEADLINE, FaultKind.INTERNAL})
"""Faults that no other model cures: the request's own, the caller's time, and callboard's."""
CURABLE = {kind.value: kind for kind in FaultKind if kind not in OWN}


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One alias: the `provider/model`s that it stands for, in order and each once; after a fault of some kind, others
    first."""

    candidates: tuple[str, ...]
    on: dict[FaultKind, tuple[str, ...]] = {}
    checks: tuple[str, ...] = ()
    repair: bool = False


def routes(aliases: Mapping[str, Alias], source: str, known: Callable[[str, str], None]) -> dict[str, Route]:
    """All aliases, flattened. `known(candidate, where)` raises for what is no `provider/model`. Raises ConfigError."""
    full = {name: AliasConfig(candidates=one) if isinstance(one, list) else one for name, one in aliases.items()}
    for name, alias in full.items():
        _check_names(name, alias, full, source, known)
    _refuse_circles(full, source)
    return {name: _route(alias, full) for name, alias in full.items()}


def no_model(name: str, routes: Mapping[str, Route]) -> str | None:
    """Why this is no `provider/model`, in a sentence; None where it may be one."""
    if name in routes:
        return f"{name!r} is an alias; name its models one by one: {', '.join(routes[name].candidates)}"
    return None if "/" in name else f"expected provider/model, got {name!r}"


def _check_names(
    name: str, alias: AliasConfig, full: Mapping[str, AliasConfig], source: str, known: Callable[[str, str], None]
) -> None:
    where = f"{source}: models.{name}"
    if not name or "/" in name:
        raise ConfigError(f"{where}: expected a name without a slash")
    for kind in alias.on:
        if kind not in CURABLE:
            raise ConfigError(f"{where}.on.{kind}: no such fault; expected one of {', '.join(CURABLE)}")
    for check in alias.checks:
        try:
            check_name(check)
        except ValueError as error:
            raise ConfigError(f"{where}.checks: {check!r}: {error}") from None
    lists = {where: alias.candidates} | {f"{where}.on.{kind}": names for kind, names in alias.on.items()}
    for place, names in lists.items():
        if not names:
            raise ConfigError(f"{place}: expected at least one provider/model")
        if len(set(names)) != len(names):
            raise ConfigError(f"{place}: a candidate stands there twice")
        for one in names:
            if one not in full:
                known(one, place)


def _refuse_circles(full: Mapping[str, AliasConfig], source: str) -> None:
    sound: set[str] = set()

    def follow(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise ConfigError(f"{source}: models.{name}: fallback goes in a circle: {circle}")
        if name in sound or name not in full:
            return
        for one in _all_names(full[name]):
            follow(one, (*path, name))
        sound.add(name)

    for name in full:
        follow(name, ())


def _all_names(alias: AliasConfig) -> Iterable[str]:
    yield from alias.candidates
    for names in alias.on.values():
        yield from names


def _route(alias: AliasConfig, full: Mapping[str, AliasConfig]) -> Route:
    return Route(
        candidates=_flat(alias.candidates, full),
        on={CURABLE[kind]: _flat(names, full) for kind, names in alias.on.items()},
        checks=tuple(alias.checks),
        repair=alias.repair,
    )


def _flat(names: Iterable[str], full: Mapping[str, AliasConfig]) -> tuple[str, ...]:
    """Each once, where it stands first."""
    found: dict[str, None] = {}
    for name in names:
        inner = full.get(name)
        found.update(dict.fromkeys((name,) if inner is None else _flat(inner.candidates, full)))
    return tuple(found)
