-- Booking: held units become an order's.

-- include: hold_end

local function book_done(sale, keys, hold, order_ref)
  hold.status, hold.reason, hold.ledger, hold.order_ref = CONFIRMED, '', 1, order_ref
  redis.call('ZREM', keys.due, hold.id)
  hold_save(keys.holds, hold)
  hold_event(sale, keys.events, 'order.confirmed', hold, { order_ref = order_ref })
end

-- Books the units of a hold that has them.
local function book_held(sale, keys, hold, order_ref)
  local rows = rows_of(keys.seats, hold.rows)
  local moved = rows_move(sale, keys.seats, keys.rows, rows, hold.seats, { h = true }, 'b')
  local count = moved.h or 0
  sale.held, sale.booked = sale.held - count, sale.booked + count
  stock_areas_move(sale, hold.areas, 'held', 'booked')
  book_done(sale, keys, hold, order_ref)
end
