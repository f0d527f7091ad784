"""``Table``: the columns of a run for numpy, and for whatever takes Arrow's capsules (polars,
pandas, DuckDB, pyarrow)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twocooks.analyse.data import Column, Columns
from twocooks.analyse.data_fields import MEANINGS, Field
from twocooks.export import arrow


class Table:
    """Columns of one kind of thing in a run. Nothing in it can be changed.

    table = run.intervals
    table["end_ns"] - table["start_ns"]         # numpy
    polars.DataFrame(table)                     # or pyarrow.table(table), DuckDB, ...
    """

    def __init__(self, table: Columns) -> None:
        self._table = table
        self._by_name = {column.field.name: column for column in table.columns}
        self._decoded: dict[str, NDArray[Any]] = {}

    @property
    def name(self) -> str:
        """As in ``Run``: "tasks", "intervals"..."""
        return self._table.name

    @property
    def meaning(self) -> str:
        """What a row is."""
        return MEANINGS[self.name]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(self._by_name)

    def keys(self) -> tuple[str, ...]:
        """As ``columns``: ``dict(table)`` is a dictionary of numpy arrays."""
        return self.columns

    def schema(self) -> tuple[Field, ...]:
        """Of each column its name, type, unit, meaning, and when it is null ("" = never)."""
        return tuple(column.field for column in self._table.columns)

    def __len__(self) -> int:
        return self._table.rows

    __iter__ = None  # neither rows nor columns: whoever wants one of them says so

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column, read-only. Numbers are the analysis's own array, -1 = null; texts are str
        objects, None = null (``codes`` are cheaper). KeyError if there is no such column."""
        column = self._column(name)
        if column.field.type != "text":
            return column.values
        found = self._decoded.get(name)
        if found is None:
            found = np.array([*column.texts, None], object)[column.values]
            found.flags.writeable = False
            self._decoded[name] = found
        return found

    def codes(self, name: str) -> NDArray[Any]:
        """A text column as indices of its ``texts``, -1 = null. KeyError if it is none."""
        return self._text_column(name).values

    def texts(self, name: str) -> tuple[str, ...]:
        """The distinct texts of a text column, in no particular order; not all need occur. Valid
        UTF-8 whatever the program called its things (``\\udc80`` stands for a byte that was none),
        but not cleaned for terminals. KeyError if it is none."""
        return self._text_column(name).texts

    def valid(self, name: str) -> NDArray[np.bool_]:
        """Which rows have a value in this column. KeyError if there is no such column."""
        column = self._column(name)
        if not column.field.null:
            return np.ones(len(self), bool)
        found: NDArray[np.bool_] = column.values != -1
        return found

    def _column(self, name: str) -> Column:
        if name not in self._by_name:
            raise KeyError(f"{self.name} has no column {name!r}, but {', '.join(self.columns)}")
        return self._by_name[name]

    def _text_column(self, name: str) -> Column:
        column = self._column(name)
        if column.field.type != "text":
            raise KeyError(f"{name!r} of {self.name} is no text column")
        return column

    def __repr__(self) -> str:
        return f"<twocooks {self.name}: {len(self)} rows; {', '.join(self.columns)}>"

    def __arrow_c_schema__(self) -> object:
        """An ``arrow_schema`` capsule (Arrow PyCapsule interface)."""
        from twocooks import _arrow

        return _arrow.schema(arrow.schema(self._table))

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """Capsules of the schema and of one struct array with all rows. Another schema cannot be
        asked for: as the protocol allows, the one there is is given."""
        from twocooks import _arrow

        return _arrow.array(arrow.schema(self._table), arrow.array(self._table))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A capsule of a stream of one array; see ``__arrow_c_array__``."""
        from twocooks import _arrow

        return _arrow.stream(arrow.schema(self._table), arrow.array(self._table))
