// "Did you mean": the nearest known word by edit distance (Levenshtein, adjacent swap counts one).

function distance(a: string, b: string): number {
  const rows: number[][] = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  for (let j = 0; j <= b.length; j++) (rows[0] as number[])[j] = j;
  const at = (i: number, j: number) => (rows[i] as number[])[j] as number;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(i - 2, j - 2) + 1);
      (rows[i] as number[])[j] = best;
    }
  }
  return at(a.length, b.length);
}

/** So many letters of a longer word are the word, left off: val for value. */
const BEGUN_MIN = 3;

/** Of one letter any other is one mistake away, of four the half is: those are other words. */
const mistakesMax = (length: number): number => (length < 2 ? 0 : length < 6 ? 1 : Math.max(2, Math.floor(length / 3)));

/** The nearest of the known words, or null when none is near enough to be a typing error. */
export function suggest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = mistakesMax(word.length) + 1;
  for (const candidate of known) {
    const [given, whole] = [word.toLowerCase().slice(0, 64), candidate.toLowerCase()];
    const d = given.length >= BEGUN_MIN && whole.startsWith(given) ? 1 : distance(given, whole);
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best;
}

/** " Did you mean 'x'?" or the known words, for the end of a message. */
export function hint(word: string, known: readonly string[]): string {
  const near = suggest(word, known);
  if (near !== null) return `Did you mean '${near}'?`;
  return known.length === 0 ? 'Remove it.' : `Known here: ${known.slice(0, 30).join(', ')}.`;
}
