// Every drift test on input features, in the order in which results are listed. Adding one: docs/adding-a-detector.md.

import { chiSquareDetector } from './chi-square.js';
import type { Detector } from './detector.js';
import { ksDetector } from './ks.js';
import { missingDetector } from './missing.js';
import { psiDetector } from './psi.js';
import { unseenDetector } from './unseen.js';

export const DETECTORS: readonly Detector[] = [
  psiDetector,
  ksDetector,
  chiSquareDetector,
  missingDetector,
  unseenDetector,
];
