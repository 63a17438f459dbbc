// The project file's rollout.checks, rollout.keep and rollout.fallback: their schema, what they become, and what of
// them would change nothing.
//
// Defaults. A check lasts as long as a step of a canary (STEP_MS_DEFAULT, libs/routing). `keep`: a version that the
// loop may still take back for its quality should find the one before it loaded, so the probation; and a day at least,
// so that whoever comes to work the next morning still has a rollback that takes no load. `fallback.share`: the
// tenth that retries are given elsewhere too (gRPC's retry throttling gives back a tenth of a token for each
// success), for what is asked twice costs serving a prediction.

import { type PlannedCheck, type RolloutChecks, STEP_MS_DEFAULT, STRATEGIES } from '@millrace/routing';
import { parseDuration } from './duration.js';
import type { FallbackSpec, RolloutSpec } from './project.js';
import { choice, duration, integer, object, type SchemaNode } from './schema-nodes.js';

const DAY_MS = 86_400_000;
/** After it a rollback takes as long as a load: a version must not lie in memory for years because windows are long. */
const KEEP_MS_UNSAID_MAX = 90 * DAY_MS;
/** A switch is in force on every router within a second; what was sent before it has a deadline of seconds. */
const KEEP_MS_MIN = 10_000;
const FALLBACK_SHARE_DEFAULT = 10;

const CHECKED = STRATEGIES.filter(({ withChecks }) => withChecks !== undefined).map(({ name }) => name);

const shareNode = integer('Percent of the requests that are copied; each copy costs serving a prediction.', 1, 100);

/** Of `rollout.checks`. */
export const CHECKS_NODE: SchemaNode = object(
  `Of ${CHECKED.join(', ')}: one version has all traffic, the other gets copies of a share of the requests, and the analysis compares what both answer.`,
  {
    before: object(
      'The switch comes when the analysis has passed; the new version can be asked as version `preview` meanwhile.',
      {
        share: shareNode,
        for: duration('It lasts at least so long, in processing time; by default 10m.'),
        until: choice('In place of `for`: until a person skips the check or promotes the version.', ['promoted']),
      },
      ['share'],
    ),
    after: object(
      'A failed analysis switches back; the version is promoted when the time is over.',
      { share: shareNode, for: duration('It lasts so long, in processing time; by default 10m.') },
      ['share'],
    ),
  },
);

/** Of `rollout.keep`. */
export const KEEP_NODE: SchemaNode = duration(
  'How long versions without traffic stay loaded, in processing time, 10s at least: a rollback within it is instant, after it they are loaded first. Default: the probation, a day at least and 90d at most.',
);

/** Of `rollout.fallback`. */
export const FALLBACK_NODE: SchemaNode = object(
  'Requests that fail by the fault of their version are answered once by another one. Absent: they fail.',
  {
    to: choice('The version that had the traffic before, while it is loaded.', ['previous']),
    share: integer('Percent of the requests that may be asked twice.', 1, 100, FALLBACK_SHARE_DEFAULT),
  },
  ['to'],
);

// biome-ignore lint/suspicious/noExplicitAny: a document that the schema has accepted
type Document = Record<string, any>;

const ms = (text: string): number => parseDuration(text) as number;
const lasting = ({ for: least }: Document): number => (least === undefined ? STEP_MS_DEFAULT : ms(least));

function before(raw: Document, inconclusiveAfterMs: number): PlannedCheck {
  if (raw.until !== undefined) return { copies: raw.share };
  const forMs = lasting(raw);
  return { copies: raw.share, forMs, withinMs: Math.max(forMs, inconclusiveAfterMs) };
}

/** `rollout` as it was written, with defaults filled in. */
export function rolloutTerms(
  rollout: Document,
  { analysis, probation }: Pick<RolloutSpec, 'analysis' | 'probation'>,
): Pick<RolloutSpec, 'checks' | 'keepMs' | 'fallback'> {
  const { checks = {}, keep, fallback } = rollout;
  const planned: RolloutChecks = {
    ...(checks.before === undefined ? {} : { before: before(checks.before, analysis.inconclusiveAfterMs) }),
    ...(checks.after === undefined ? {} : { after: { copies: checks.after.share, forMs: lasting(checks.after) } }),
  };
  return {
    ...(Object.keys(planned).length === 0 ? {} : { checks: planned }),
    keepMs: keep === undefined ? Math.min(Math.max(probation.forMs, DAY_MS), KEEP_MS_UNSAID_MAX) : ms(keep),
    ...(fallback === undefined ? {} : { fallback: { share: fallback.share } satisfies FallbackSpec }),
  };
}

type Report = (path: readonly (string | number)[], message: string) => void;

export function checkRolloutTerms({ strategy, keepMs }: RolloutSpec, document: unknown, report: Report): void {
  const written = (document as { rollout?: { checks?: Document } }).rollout?.checks;
  const path = ['rollout', 'checks'];
  // A block without anything in it is what every file has.
  if (Object.keys(written ?? {}).length > 0 && !CHECKED.includes(strategy)) {
    const said = `checks do not fit strategy ${strategy}, whose steps compare both versions on live traffic`;
    report(path, `${said}. Write strategy: ${CHECKED.join(' or ')}, or remove checks.`);
  }
  if (written?.before?.for !== undefined && written.before.until !== undefined)
    report([...path, 'before', 'until'], 'a check has a time or waits for a person. Remove for or until.');
  if (keepMs < KEEP_MS_MIN)
    report(
      ['rollout', 'keep'],
      `versions without traffic would go after ${keepMs} ms, with requests on their way to them. Write ${KEEP_MS_MIN / 1_000}s or more.`,
    );
}
