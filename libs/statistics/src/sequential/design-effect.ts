// How much less the answers of two arms say than as many independent ones, because some come from the same entity: the
// design effect, variance of the difference of both shares by clusters over that of independent answers (Kish 1965).
// Clusters are what entities hash to; r_ab = k_ab - q_ab n_ab is how far one is from what to expect of it,
//   q_ab = (K_a - k_ab + m P) / (N_a - n_ab + m),   P the other arm's share, m = OTHER_ARM_ANSWERS:
// what the arm's other clusters do, and where it has none, what the other arm does, so that a single cluster never
// proves anything by itself. Independent answers have V0 = sum_a v_a / N_a, v_a = p_a (1 - p_a) of the arm's share,
// drawn to the other's by as much. Two estimates, of which the larger counts:
//   common  V0 + t sum_a (sum_b n_ab^2 / N_a^2),  t = (sum r^2 - sum n v) / sum n^2: entities of both arms
//           differ alike, so that an arm of few is judged by how those of the other one do;
//   own     sum_ab (1 - 1/G_a) (r_ab / N_a)^2, G_a clusters, the jackknife (MacKinnon and White 1985): an entity
//           that stands out for its arm.
// What chance makes of independent answers is taken off first, one standard deviation of both sums, from
// Var r^2 = 2 (n v)^2 + n v (1 - 6 v): answers that are independent lose next to nothing. Evidence is divided by
// the inflation V/V0 (a sum of deviations over the root of their squares' sum has normal tails whatever they are, de la
// Pena 1999), and where the arms have few clusters, which may agree by chance, it is Student's:
//   log E -> (f + 1)/2 ln(1 + 2 (log E / inflation) / f),   f = (V / (V - V0))^2 g,
// where only what is above V0 is estimated, with g = effective clusters (sum n)^2 / sum n^2 less one, 1 at least; of
// both arms for the common estimate, for the own one by what each arm adds to V (Welch).
// Of values in [0, 1] instead of yes and no, such as losses, k is their sum and v their variance in the arm, drawn to
// the other's likewise; Var r^2 is 2 (n v)^2, as of sums that are normal: of few values it is more or less, and the
// inflation then a little too much where nothing depends.
// Not exact: measured (bench/rollout, entities). O(clusters), no memory. An arm without answers, or a share of 0 or 1
// in both, or values that are all the same: no inflation.

export interface ClusterCounts {
  /** By cluster: those marked, or the sum of their values; of all. */
  readonly k: ArrayLike<number>;
  readonly n: ArrayLike<number>;
}

export interface DesignEffect {
  /** Answers that weigh as much as one independent one; 1 = all are. */
  readonly inflation: number;
  /** Degrees of freedom of the variance. */
  readonly freedom: number;
}

const OTHER_ARM_ANSWERS = 2;
export const INDEPENDENT: DesignEffect = { inflation: 1, freedom: Number.POSITIVE_INFINITY };

/** Sums over the clusters of an arm. */
interface Arm {
  n: number;
  v: number;
  /** sum n^2, r^2, and of Var r^2. */
  sizes: number;
  squares: number;
  chance: number;
}

/** `variances`: of the values of each arm, where these are no yes or no. */
export function designEffect(
  first: ClusterCounts,
  second: ClusterCounts,
  variances?: readonly [number, number],
): DesignEffect {
  const [a, b] = [counted(first), counted(second)];
  const p = (a.k + b.k) / (a.n + b.n);
  if (a.n === 0 || b.n === 0 || p === 0 || p === 1) return INDEPENDENT;
  const [ofA, ofB] = variances === undefined ? [] : drawnVariances(variances, a.n, b.n);
  const arms = [armOf(first, a, b.k / b.n, ofA), armOf(second, b, a.k / a.n, ofB)] as const;
  const v0 = arms[0].v / a.n + arms[1].v / b.n;
  if (v0 === 0) return INDEPENDENT;
  const effects = [common(arms, v0), own(arms, v0)] as const;
  const { inflation, freedom } = effects[0].inflation >= effects[1].inflation ? effects[0] : effects[1];
  return inflation === 1 ? INDEPENDENT : { inflation, freedom: freedom * (inflation / (inflation - 1)) ** 2 };
}

/** What is left of evidence that took all answers for independent. */
export function discounted(logE: number, { inflation, freedom }: DesignEffect): number {
  if (inflation === 1 || logE <= 0) return logE;
  return ((freedom + 1) / 2) * Math.log1p((2 * logE) / inflation / freedom);
}

function counted({ k, n }: ClusterCounts): { k: number; n: number } {
  const sum = { k: 0, n: 0 };
  for (let i = 0; i < n.length; i++) {
    sum.k += k[i] as number;
    sum.n += n[i] as number;
  }
  return sum;
}

/** What an arm does, drawn to what the other one does. */
const drawn = ({ k, n }: { k: number; n: number }, other: number): number =>
  (k + OTHER_ARM_ANSWERS * other) / (n + OTHER_ARM_ANSWERS);

const drawnVariances = ([a, b]: readonly [number, number], n1: number, n2: number): [number, number] => [
  drawn({ k: a * n1, n: n1 }, b),
  drawn({ k: b * n2, n: n2 }, a),
];

function armOf({ k, n }: ClusterCounts, all: { k: number; n: number }, other: number, variance?: number): Arm {
  const p = drawn(all, other);
  const v = variance ?? p * (1 - p);
  const fourth = variance === undefined ? v * (1 - 6 * v) : 0;
  const arm: Arm = { n: all.n, v, sizes: 0, squares: 0, chance: 0 };
  let clusters = 0;
  for (let i = 0; i < n.length; i++) {
    const [ki, ni] = [k[i] as number, n[i] as number];
    if (ni === 0) continue;
    const q = drawn({ k: all.k - ki, n: all.n - ni }, other);
    arm.sizes += ni * ni;
    arm.squares += (ki - q * ni) ** 2;
    arm.chance += 2 * (ni * v) ** 2 + ni * fourth;
    clusters += 1;
  }
  // One or two agree by chance too often for the jackknife's small-sample factor.
  if (clusters > 2) arm.squares *= 1 - 1 / clusters;
  return arm;
}

function common([a, b]: readonly [Arm, Arm], v0: number): DesignEffect {
  const excess = a.squares + b.squares - a.n * a.v - b.n * b.v - Math.sqrt(Math.max(0, a.chance + b.chance));
  if (excess <= 0) return INDEPENDENT;
  const more = (excess / (a.sizes + b.sizes)) * (a.sizes / a.n ** 2 + b.sizes / b.n ** 2);
  return { inflation: 1 + more / v0, freedom: freedom(a) + freedom(b) };
}

function own([a, b]: readonly [Arm, Arm], v0: number): DesignEffect {
  const [va, vb] = [a.squares / a.n ** 2, b.squares / b.n ** 2];
  const v = va + vb;
  const chance = Math.sqrt(Math.max(0, a.chance / a.n ** 4 + b.chance / b.n ** 4));
  if (v <= v0 + chance) return INDEPENDENT;
  return { inflation: v / (v0 + chance), freedom: v ** 2 / (va ** 2 / freedom(a) + vb ** 2 / freedom(b)) };
}

const freedom = ({ n, sizes }: Arm): number => Math.max(1, n ** 2 / sizes - 1);
