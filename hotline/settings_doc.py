"""Writes docs/settings.md from the settings themselves: `python -m hotline.settings_doc`.

A test compares the file with this; no setting can go without its entry.
"""

import sys
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from asterisk_conf.model import Node, OutboundRule, Registration, Trunk
from hotline.settings import PRIVATE_ASTERISK, PROJECT, Settings
from ivr.tenants import Tenant

HEAD = """# Settings
<!-- written by `python -m hotline.settings_doc > docs/settings.md`; a test compares -->

Two places, the first wins: the environment (`HOTLINE_` and the name in capitals) and one TOML file
(`HOTLINE_CONFIG`, else `hotline.toml` in the home). Relative paths in the file start at the file's
own folder. Lists in the environment are written as JSON. What isn't known is refused with the
place where it stands. Changes count from the next start.

| Setting | Type | Default | Meaning |
|---|---|---|---|
"""
TAIL = """
## Examples
A city behind a carrier's trunk, with a transfer to the water company:

```toml
sip_bind = "192.0.2.10"
external_address = "203.0.113.7"

[[tenants]]
id = "nanning"
name = "南宁12345"
prefixes = ["0771"]

[[trunks]]
id = "carrier"
tenant = "nanning"
match = ["198.51.100.0/28"]
trusted = true
dial = "198.51.100.1:5060"
spellings = {"+86771" = "", "0771" = ""}

[[outbound]]
number = "96116"
trunk = "carrier"
```

Two installations side by side on one machine:

```
HOTLINE_HOME=/srv/a make run
HOTLINE_HOME=/srv/b HOTLINE_SIP_PORT=6060 HOTLINE_HTTP_PORT=9345 HOTLINE_AMI_PORT=6038 \\
    HOTLINE_AGI_PORT=5573 HOTLINE_RTP_START=20000 HOTLINE_RTP_END=24999 make run
```

Two nodes that are one hotline: the same file on both, `HOTLINE_NODE=a` and `HOTLINE_NODE=b`
(docs/cluster.md tells more):

```toml
redis_url = "redis://192.0.2.20:6379"
database_url = "postgresql://hotline@192.0.2.20/hotline"
cluster_secret_file = "cluster.secret"

[[nodes]]
id = "a"
sip = "192.0.2.11:5060"
link = "192.0.2.11:4580"

[[nodes]]
id = "b"
sip = "192.0.2.12:5060"
link = "192.0.2.12:4580"
```
"""
# What is worked out when the settings are read, in words.
WORKED_OUT = {
    "home": "`./var`; `~/.local/state/hotline` for a user who may not write there",
    "asterisk_root": f"`{PRIVATE_ASTERISK}`; `/` where only the machine's own Asterisk is",
    "cache": "`./.cache`",
}
NESTED: dict[type[BaseModel], str] = {
    Tenant: "`[[tenants]]`: cities and provinces",
    Trunk: "`[[trunks]]`: where calls come from and go to",
    Registration: "`registration` of a trunk",
    OutboundRule: "`[[outbound]]`: what transfers may dial; all else is refused",
    Node: "`[[nodes]]`: Asterisks and engines that are one hotline",
}


def document() -> str:
    """The whole of docs/settings.md."""
    parts = [HEAD, *_rows(Settings, "HOTLINE_")]
    for model, title in NESTED.items():
        parts.append(f"\n## {title}\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n")
        parts += _rows(model, "")
    return "".join([*parts, TAIL])


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        shown = f"`{name}`<br>`{prefix}{name.upper()}`" if prefix else f"`{name}`"
        if not field.description:
            raise ValueError(f"{model.__name__}.{name} has no description")
        yield f"| {shown} | {_type(field)} | {_default(name, field)} | {field.description} |\n"


def _type(field: FieldInfo) -> str:
    low = [rule.ge for rule in field.metadata if isinstance(rule, Ge)]
    high = [rule.le for rule in field.metadata if isinstance(rule, Le)]
    span = (
        f", {low[0] if low else ''} to {high[0]}" if high else f", {low[0]} or more" if low else ""
    )
    return f"{_named(field.annotation)}{span}"


def _named(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_named(part) for part in inner if part is not type(None)))
    if origin is tuple:
        return f"list of {_named(inner[0])}"
    if origin is dict:
        return f"table of {_named(inner[1])}s"
    if inner:
        return " or ".join(f"`{part}`" for part in inner)
    words = {"str": "text", "int": "whole number", "float": "number", "bool": "yes or no"}
    words |= {"Path": "path", "IPvAnyAddress": "address", "IPvAnyNetwork": "network"}
    name = str(getattr(annotation, "__name__", annotation))
    return words.get(name, name)


def _default(name: str, field: FieldInfo) -> str:
    if name in WORKED_OUT and field.annotation is not None:
        return WORKED_OUT[name]
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, tuple) and any(isinstance(part, BaseModel) for part in value):
        return ", ".join(f"one named `{part.id}`" for part in value)
    if value in (None, "", (), {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(f"`{part}`" for part in value)
    return f"`{value}`".replace(str(PROJECT), ".")


if __name__ == "__main__":
    sys.stdout.write(document())
