"""What each event's data may hold, as JSON Schema: made of `tickets.event_fields`. Pure."""

from typing import Any

from tickets.event_fields import FIELDS, Field, Shape, fields_of
from tickets.told_data import MOST_UNITS

Schema = dict[str, Any]

PLAIN = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
"""No control characters but line ends and tabs."""
LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"


def saying(pattern: str) -> str:
    """PLAIN or LINE with a sign in it that isn't a blank: blanks alone are no words."""
    return rf"{pattern[:-1]}[^\s\x00-\x1f\x7f-\x9f]{pattern[1:]}"


def with_events(schema: Schema) -> None:
    """Add to the schema of a told event what each event takes (for pydantic's
    `json_schema_extra`)."""
    schema["oneOf"] = [_of(str(event)) for event in FIELDS]
    schema["properties"]["event"] = {"enum": [str(event) for event in FIELDS]}


def _of(event: str) -> Schema:
    fields = fields_of(event)
    needed = [field.name for field in fields if field.needed]
    data: Schema = {
        "type": "object", "additionalProperties": False,
        "properties": {field.name: _field(field) for field in fields},
    }  # fmt: skip
    if needed:
        data["required"] = needed
    return {
        "title": event,
        "properties": {"event": {"const": event}, "data": data},
        "required": ["event", "data"] if needed else ["event"],
    }


def _field(field: Field) -> Schema:
    match field.shape:
        case Shape.FLAG:
            return {"type": "boolean"}
        case Shape.WHOLE:
            return {"type": "integer", "minimum": 1, "maximum": field.most}
        case Shape.DAY:
            return {"type": "string", "format": "date"}
        case Shape.CHOICE:
            return {"enum": list(field.choices)}
        case Shape.IDS:
            one = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": LINE}
            most = {"maxItems": MOST_UNITS, "uniqueItems": True}
            return {"type": "array", "items": one, "minItems": int(field.needed), **most}
        case Shape.TEXT:
            least = {"minLength": 1} if field.needed else {}
            return {"type": "string", "maxLength": field.most, "pattern": PLAIN, **least}
