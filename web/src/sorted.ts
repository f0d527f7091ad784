// Looking things up in ascending numbers.

/** The last of the numbers from low on (before high) that is not above the one asked for; low, if
 * all of them are. There must be one. */
export function lastUpTo(
  numbers: ArrayLike<number>, most: number, low = 0, high = numbers.length,
): number {
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! <= most) low = middle;
    else high = middle;
  }
  return low;
}
