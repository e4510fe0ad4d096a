"""The tables of the ledger: what is sold, to whom, and who may act.

Two rules are enforced by the schema itself, so that no bug in the code can break them: `sold` has
the primary key (sale, seat), so that a seat has one owner at most, and `area_sold` has its capacity
beside the count, so that the one guarded UPDATE that adds to it can refuse.

Choices that hold everywhere:
- Names and ids compare by their bytes. MySQL would fold case, and `Floor` is not `floor`.
- Times are integer milliseconds of the store's clock where an order is concerned, so that one
  clock decides what is overdue; sale, key and audit rows carry this host's clock.
- What an order contains is one JSON text, read and written whole. Rejected: a row per item, which
  would double the rows of a confirm and add nothing that the two rules above do not already hold.
- An order is found by its id alone, which no two sales share since it is derived from the sale's
  uid. With the sale's uid in the key as well, PostgreSQL would take any other index that begins
  with it for as good, and read all orders of a sale for one.
- Rows of `audit` are never changed: SQLite and PostgreSQL refuse it by a trigger.
- A sale that was deleted keeps its rows; only its `live_name` becomes NULL, which every database
  leaves out of a unique key, and so frees the name.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

NAME_LENGTH = 63
UID_LENGTH = 32
NONCE_LENGTH = 32
ORDER_ID_LENGTH = 64
AREA_LENGTH = 128
BUYER_LENGTH = 255
REFERENCE_LENGTH = 255
KEY_ID_LENGTH = 64
ADDRESS_LENGTH = 45
REQUEST_ID_LENGTH = 64
KEY_SALES_LENGTH = 2000


def exact(length: int) -> TypeEngine[str]:
    """A string that compares by its bytes in every database."""
    binary = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return String(length).with_variant(binary, "mysql", "mariadb")


def long_text() -> TypeEngine[str]:
    """A JSON document; MySQL's plain TEXT would end at 64 KiB."""
    return Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def long_bytes() -> TypeEngine[bytes]:
    """Packed bytes of any length; MySQL's plain BLOB would end at 64 KiB."""
    return LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def serial() -> TypeEngine[int]:
    """A counting key; SQLite counts only in a column declared exactly INTEGER."""
    return BigInteger().with_variant(Integer(), "sqlite")


sales = Table(
    "sales",
    metadata,
    Column("uid", exact(UID_LENGTH), primary_key=True),
    Column("name", exact(NAME_LENGTH), nullable=False, index=True),
    Column("live_name", exact(NAME_LENGTH), nullable=True, unique=True),
    Column("epoch", Integer, nullable=False),
    Column("lifecycle", String(16), nullable=False),
    Column("spec", long_text(), nullable=False),
    Column("settings_version", Integer, nullable=False),
    Column("issued_ceiling", BigInteger, nullable=False),
    Column("draw_secret", LargeBinary, nullable=False),
    Column("identity_secret", exact(64), nullable=False, server_default=""),
    Column("provisioned", Boolean, nullable=False),
    Column("installed_epoch", Integer, nullable=False, server_default="0"),
    Column("store_nonce", exact(NONCE_LENGTH), nullable=False, server_default=""),
    Column("draw_starts", long_text(), nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("change_number", BigInteger, nullable=False, server_default="0"),
    Index("ix_sales_change_number_uid", "change_number", "uid"),
)

data_version = Table(
    "data_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)

change_counter = Table(
    "change_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
)

sale_plans = Table(
    "sale_plans",
    metadata,
    Column("sale_uid", ForeignKey("sales.uid"), primary_key=True),
    Column("body", long_bytes(), nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("id", exact(ORDER_ID_LENGTH), primary_key=True),
    Column("sale_uid", exact(UID_LENGTH), nullable=False),
    Column("status", String(20), nullable=False),
    Column("buyer", exact(BUYER_LENGTH), nullable=False),
    Column("hold_version", BigInteger, nullable=False),
    Column("order_ref", exact(REFERENCE_LENGTH), nullable=True),
    Column("payment_ref", exact(REFERENCE_LENGTH), nullable=True),
    Column("amount", BigInteger, nullable=True),
    Column("total", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("items", long_text(), nullable=False),
    Column("next_to_each_other", Boolean, nullable=False),
    Column("refunds", long_text(), nullable=True),
    Column("reason", String(40), nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("confirmed_ms", BigInteger, nullable=True),
    Column("due_ms", BigInteger, nullable=True),
    Column("acted_by", exact(KEY_ID_LENGTH), nullable=True),
    Column("acted_from", exact(ADDRESS_LENGTH), nullable=True),
    Column("request_id", exact(REQUEST_ID_LENGTH), nullable=True),
    Index("ix_orders_sale_uid_created_ms_id", "sale_uid", "created_ms", "id"),
    Index("ix_orders_sale_uid_buyer", "sale_uid", "buyer"),
    Index("ix_orders_order_ref", "order_ref"),
    Index("ix_orders_payment_ref", "payment_ref"),
)
# The orders that recovery must visit: few, so a partial index where the database has one.
Index(
    "ix_orders_due",
    orders.c.sale_uid,
    orders.c.due_ms,
    sqlite_where=orders.c.due_ms.is_not(None),
    postgresql_where=orders.c.due_ms.is_not(None),
)

order_flags = Table(
    "order_flags",
    metadata,
    Column("order_id", exact(ORDER_ID_LENGTH), primary_key=True),
    Column("flag", String(24), primary_key=True),
    Column("sale_uid", exact(UID_LENGTH), nullable=False),
    Column("flagged_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger, nullable=True),
    Index("ix_order_flags_sale_uid_resolved_ms", "sale_uid", "resolved_ms"),
)

sold = Table(
    "sold",
    metadata,
    Column("sale_uid", exact(UID_LENGTH), primary_key=True),
    Column("seat", Integer, primary_key=True, autoincrement=False),
    Column("order_id", exact(ORDER_ID_LENGTH), nullable=False),
)

area_sold = Table(
    "area_sold",
    metadata,
    Column("sale_uid", exact(UID_LENGTH), primary_key=True),
    Column("area", exact(AREA_LENGTH), primary_key=True),
    Column("sold", Integer, nullable=False),
    Column("capacity", Integer, nullable=False),
)

seat_blocks = Table(
    "seat_blocks",
    metadata,
    Column("sale_uid", exact(UID_LENGTH), primary_key=True),
    Column("seat", Integer, primary_key=True, autoincrement=False),
    Column("blocked", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("told", Integer, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("sale_uid", exact(UID_LENGTH), primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("taken_ms", BigInteger, nullable=False),
    Column("body", long_bytes(), nullable=False),
    Column("revision", BigInteger, nullable=False, server_default="0"),
)

draws = Table(
    "draws",
    metadata,
    Column("sale_uid", exact(UID_LENGTH), primary_key=True),
    Column("entrants", BigInteger, nullable=False),
    Column("accumulator", exact(64), nullable=False),
    Column("beacon", exact(256), nullable=True),
    Column("sealed_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger, nullable=False, server_default="0"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", exact(32), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("role", SmallInteger, nullable=False),
    Column("key_hash", exact(64), nullable=False, unique=True),
    Column("channels", exact(1000), nullable=False, server_default=""),
    Column("sales", exact(KEY_SALES_LENGTH), nullable=False, server_default=""),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger, nullable=True),
)

audit = Table(
    "audit",
    metadata,
    Column("id", serial(), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", exact(KEY_ID_LENGTH), nullable=False),
    Column("action", String(40), nullable=False),
    Column("sale", exact(NAME_LENGTH), nullable=True, index=True),
    Column("detail", long_text(), nullable=False),
    Column("address", exact(ADDRESS_LENGTH), nullable=True),
    Column("request_id", exact(REQUEST_ID_LENGTH), nullable=True),
    Column("state_before", long_text(), nullable=True),
    Column("state_after", long_text(), nullable=True),
    Index("ix_audit_sale_id", "sale", "id"),
)
