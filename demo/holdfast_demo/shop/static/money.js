// Amounts in minor units, written as the shop's server writes them (money.py): it tells how many
// digits the currency has and what stands in front.

/** A function from minor units to what a buyer reads. */
export function moneyOf({ digits, symbol }) {
  const numbers = new Intl.NumberFormat("en", {
    minimumFractionDigits: digits, maximumFractionDigits: digits,
  });
  return (minor) => symbol + numbers.format(minor / 10 ** digits);
}
