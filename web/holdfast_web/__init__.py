"""HTTP conventions shared by the waiting room, the inventory and the face.

What outside programs see alike on every endpoint lives here, once: problem documents and their
codes, credentials, body reading, idempotency keys, CORS, origins, client addresses, cursors.
Nothing here knows a sale, a ticket or a seat.
"""
