"""The inventory: seating plans, holds, orders and events of sales, and their routes."""
