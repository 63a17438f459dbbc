// What the API answers about whether a version is good.

import { type GoodSources, goodOf } from '../goodness/known-of-version.js';
import { type Ground, VALUES } from '../goodness/version-good.js';

export function versionGoodView(
  sources: GoodSources,
  asked: { project: string; version: number; nowMs: number; required: Ground[] },
) {
  const { verdict, ...rest } = goodOf(sources, asked);
  const { project, version } = asked;
  return { project, version, verdict, value: VALUES[verdict], good: verdict === 'good', ...rest };
}
