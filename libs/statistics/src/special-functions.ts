// Distribution tails that tests need: the chi-square survival function (regularised upper incomplete gamma), the
// regularised incomplete beta, the Kolmogorov limit distribution and the hypergeometric upper tail. Pure numbers in,
// numbers out; relative error about 1e-12 where the result is above 1e-290 (hypergeometric: 1e-7 at ten million rows,
// by cancellation between logarithms of factorials).
//
// Sources: Lanczos approximation g = 7, n = 9 (Godfrey 2001); incomplete gamma by series for x < a + 1 and by Lentz's
// continued fraction otherwise, incomplete beta by that (Press et al., Numerical Recipes, 3rd ed., 6.2 and 6.4);
// Kolmogorov by Smirnov's alternating series and, for small arguments, its theta-function twin (Marsaglia, Tsang, Wang,
// J. Stat. Softw. 8(18), 2003).

const LANCZOS = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
] as const;
const TERMS_MAX = 10_000;
const EPSILON = 1e-16;
/** Lentz's stand-in for 0. */
const TINY = 1e-300;

/** Natural logarithm of the gamma function for x > 0. */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += (LANCZOS[i] as number) / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** ln B(a, b) for a, b > 0. */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

function lowerGammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < TERMS_MAX && term > sum * EPSILON; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * Math.exp(-x + a * Math.log(x) - logGamma(a));
}

function upperGammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < TERMS_MAX; i++) {
    const an = -i * (i - a);
    b += 2;
    d = an * d + b;
    if (Math.abs(d) < TINY) d = TINY;
    c = b + an / c;
    if (Math.abs(c) < TINY) c = TINY;
    d = 1 / d;
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < EPSILON) break;
  }
  return Math.exp(-x + a * Math.log(x) - logGamma(a)) * h;
}

/** P(X >= x) for a chi-square variable X; 1 where x <= 0, NaN where an argument is NaN or freedom <= 0. */
export function chiSquareTail(x: number, freedom: number): number {
  if (Number.isNaN(x) || !(freedom > 0)) return Number.NaN;
  if (x <= 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  const a = freedom / 2;
  const half = x / 2;
  return half < a + 1 ? 1 - lowerGammaSeries(a, half) : upperGammaFraction(a, half);
}

/** Regularised, I_x(a, b); `y` is 1 - x, which may be too small to be had from x. */
export function incompleteBeta(x: number, y: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const front = Math.exp(a * Math.log(x) + b * Math.log(y) - logBeta(a, b));
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(y, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  const away = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < TERMS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return h;
}

/** Kolmogorov's limit: P(sup |B(t)| >= lambda) for a Brownian bridge B; 1 where lambda <= 0. */
export function kolmogorovTail(lambda: number): number {
  if (Number.isNaN(lambda)) return Number.NaN;
  if (lambda <= 0) return 1;
  if (lambda < 1.18) {
    const y = Math.exp((-Math.PI * Math.PI) / (8 * lambda * lambda));
    const body = y + y ** 9 + y ** 25 + y ** 49;
    return Math.min(1, Math.max(0, 1 - (Math.sqrt(2 * Math.PI) / lambda) * body));
  }
  const y = Math.exp(-2 * lambda * lambda);
  return Math.min(1, Math.max(0, 2 * (y - y ** 4 + y ** 9 - y ** 16)));
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

/**
 * P(X >= k) for X marked ones among `drawn` out of `total`, `marked` of which are marked (the one-sided test of Fisher
 * 1934). Sums outwards from k, away from the mean, where terms shrink: about as many as a few standard deviations. NaN
 * for counts that are no such urn.
 */
export function hypergeometricTail(k: number, drawn: number, marked: number, total: number): number {
  if (!(drawn >= 0 && drawn <= total && marked >= 0 && marked <= total)) return Number.NaN;
  const least = Math.max(0, drawn + marked - total);
  const most = Math.min(drawn, marked);
  if (k <= least) return 1;
  if (k > most) return 0;
  const density = (x: number) =>
    Math.exp(logChoose(marked, x) + logChoose(total - marked, drawn - x) - logChoose(total, drawn));
  const unmarkedLeft = total - marked - drawn;
  let sum = 0;
  if (k > (drawn * marked) / total) {
    let term = density(k);
    for (let x = k; x <= most && term > sum * EPSILON; x++) {
      sum += term;
      term *= ((marked - x) * (drawn - x)) / ((x + 1) * (unmarkedLeft + x + 1));
    }
    return Math.min(1, sum);
  }
  let term = density(k - 1);
  for (let x = k - 1; x >= least && term > sum * EPSILON; x--) {
    sum += term;
    term *= (x * (unmarkedLeft + x)) / ((marked - x + 1) * (drawn - x + 1));
  }
  return Math.max(0, 1 - sum);
}
