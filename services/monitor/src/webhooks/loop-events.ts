// What other systems are told of a project's loop: what it asks people, what they answer, and that it waits. Made of
// the state that the trainer keeps, by what that was before. Of the trainer's own document only what it says by name
// is read; one of another shape tells nothing. Pure.

import type { TrainerEntry } from '@millrace/contracts';
import type { ProjectEvent } from './platform-events.js';

/** What is remembered of a project's loop. */
export interface LoopSeen {
  /** Names the question that is asked; empty: none is. */
  asked: string;
  /** What it is about, and how many approvals it wanted still; not there as an earlier release remembered it. */
  what?: string;
  wanted?: number;
  /** Of the newest approval, and of the newest question that was not approved. */
  givenAtMs: number;
  answeredAtMs: number;
  isStopped: boolean;
}

interface Said {
  by: string;
  reason: string;
  atMs: number;
}

interface Told {
  phase?: unknown;
  episode?: { id?: unknown } | null;
  askedSinceMs?: unknown;
  asked?: (Record<string, unknown> & { about: string; what: string; wanted: number }) | null;
  approvals?: readonly (Said & { key: string })[];
  answered?: Said & { about: string; what: string; outcome: 'refused' | 'expired' };
  history?: readonly { atMs: number; message: string }[];
}

/** `before`: undefined where nothing is remembered; of approvals of before then nothing is told. */
export function ofLoop(before: LoopSeen | undefined, entry: TrainerEntry): { events: ProjectEvent[]; seen?: LoopSeen } {
  if (entry.trainingId !== '') return { events: [] };
  const { project } = entry;
  const state = stateOf(entry.document);
  const { phase, asked = null, approvals = [], answered } = state;
  const isStopped = phase === 'stopped';
  const correlationId = typeof state.episode?.id === 'string' ? state.episode.id : '';
  const event = (name: ProjectEvent['event'], id: string, subject: string, data: object): ProjectEvent => ({
    ...{ project, event: name, id: `${project}/loop/${id}`, subject },
    data: { project, correlationId, ...data },
  });
  const seen: LoopSeen = {
    asked: asked?.about ?? '',
    ...(asked === null ? {} : { what: asked.what, wanted: asked.wanted }),
    givenAtMs: Math.max(0, ...approvals.map(({ atMs }) => atMs)),
    answeredAtMs: answered?.atMs ?? 0,
    isStopped,
  };
  const given = before === undefined ? [] : approvals.filter(({ atMs }) => atMs > before.givenAtMs);
  const events = [
    ...given.map(({ key, by, reason, atMs }) => {
      const wanted = asked?.about.startsWith(key) ? asked.wanted : 0;
      const still = wanted === 0 ? 'it is approved' : `${wanted} more wanted`;
      const what = key.replace(/^rollout (?=\d)/, 'rollout of version ');
      const message = `${by} has approved the ${what}${reason === '' ? '' : ` (${reason})`}: ${still}`;
      return event('approval.given', `${key}/given/${atMs}/${by}`, key, { about: key, by, reason, wanted, message });
    }),
    ...(answered === undefined || before === undefined || answered.atMs <= before.answeredAtMs ? [] : [answered]).map(
      ({ about, what, outcome, by, reason }) => {
        const said =
          outcome === 'expired' ? `nobody has approved ${what} in time` : `${by} has refused ${what}: ${reason}`;
        return event(`approval.${outcome}`, `${about}/${outcome}`, what, { about, what, by, reason, message: said });
      },
    ),
  ];
  if (before !== undefined && isWithdrawn(before, seen.asked, given, answered)) {
    const [about, what = ''] = [before.asked, before.what];
    const message = `${what} waits for nobody any more: ${asked === null ? 'the loop asks it no longer' : `it asks for ${asked.what}`}`;
    events.push(event('approval.withdrawn', `${about}/withdrawn`, what, { about, what, message }));
  }
  if (asked !== null && seen.asked !== before?.asked) {
    const message = waitsText(project, asked.what);
    events.push(event('approval.asked', `${asked.about}/asked`, asked.what, { ...asked, message }));
  }
  const waits = waitOf(project, state, before);
  if (waits !== undefined)
    events.push(event('loop.waiting', waits.id, waits.for, { waitsFor: waits.for, message: waits.message }));
  return { events, seen };
}

/** What was asked is asked no more, and nobody has approved or refused it, nor is its time over. */
function isWithdrawn(before: LoopSeen, asked: string, given: readonly { key: string }[], answered: Told['answered']) {
  const { asked: about, wanted } = before;
  if (about === '' || about === asked || wanted === undefined) return false;
  const isAnswered = answered?.about === about && answered.atMs > before.answeredAtMs;
  return !isAnswered && given.filter(({ key }) => about.startsWith(`${key} `)).length < wanted;
}

function waitOf(project: string, { phase, episode, askedSinceMs = 0, asked, history = [] }: Told, before?: LoopSeen) {
  if (phase === 'stopped') {
    if (before?.isStopped) return undefined;
    const message = `the loop is stopped: it waits for a person: millrace loop ${project} resume`;
    return { for: 'resume', id: `stopped/${history.at(-1)?.atMs ?? 0}`, message };
  }
  // A trainer of an earlier release says no question: the queue knows the id again.
  if (asked !== undefined && (asked === null || asked.about === before?.asked)) return undefined;
  const message = `a retraining waits for a person: millrace loop ${project} approve, or stop`;
  if (phase === 'approval' && typeof episode?.id === 'string')
    return { for: 'approval', id: `${episode.id}/approval/${String(askedSinceMs)}`, message };
  if (asked === undefined) return undefined;
  return { for: 'approval', id: `${asked.about}/approval`, message: waitsText(project, asked.what) };
}

const waitsText = (project: string, what: string): string =>
  `${what} waits for a person: millrace loop ${project} approve --by NAME, or reject`;

function stateOf(document: string): Told {
  try {
    const state: unknown = JSON.parse(document);
    return typeof state === 'object' && state !== null ? state : {};
  } catch {
    return {}; // the trainer's own concern
  }
}
