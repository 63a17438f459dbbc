// Every drift test, in the order in which results are listed. Adding one: docs/adding-a-detector.md.

import type { Detector } from './detector.js';
import type { SubjectKind } from './subjects.js';
import { aucDropDetector } from './tests/auc-drop.js';
import { chiSquareDetector } from './tests/chi-square.js';
import { errorShareDetector } from './tests/error-share.js';
import { ksDetector } from './tests/ks.js';
import { logLossRiseDetector } from './tests/log-loss-rise.js';
import { missingDetector } from './tests/missing.js';
import { p99MsDetector } from './tests/p99-ms.js';
import { psiDetector } from './tests/psi.js';
import { scorePsiDetector } from './tests/score-psi.js';
import { unseenDetector } from './tests/unseen.js';

export const DETECTORS: readonly Detector[] = [
  psiDetector,
  ksDetector,
  chiSquareDetector,
  missingDetector,
  unseenDetector,
  scorePsiDetector,
  aucDropDetector,
  logLossRiseDetector,
  errorShareDetector,
  p99MsDetector,
];

/** The detectors that look at this kind of subject. */
export function detectorsOf(subject: SubjectKind): readonly Detector[] {
  return DETECTORS.filter((detector) => detector.subjects.includes(subject));
}

/** Whether an alarm of this test speaks against the version itself; false for a name that no detector has. */
export function blamesVersion(detector: string): boolean {
  return DETECTORS.some((one) => one.name === detector && one.blamesVersion);
}

/** How each test's number comes about, by the test's name; detectors that share a name share the formula. */
export const FORMULAS: Readonly<Record<string, string>> = Object.fromEntries(
  DETECTORS.map((detector) => [detector.name, detector.formula]),
);

/** "" for a name that no detector has, such as one of an older release. */
export function formulaOf(detector: string): string {
  return FORMULAS[detector] ?? '';
}
