// What the API answers of webhooks. Their addresses are shown without the query, where receivers like to put a
// token.

import type { WEBHOOK_STATES } from '@millrace/api';

interface Told {
  spec: { url: string; events: readonly string[] };
  state: {
    waiting: readonly unknown[];
    dead: readonly { id: string; type: string; sinceMs: number; diedAtMs: number; tries: number; reason: string }[];
    delivered: number;
    dropped: number;
    failures: number;
    nextTryMs: number;
    lastFailure: string;
    lastDeliveredAtMs: number;
    goneAtMs: number;
  };
  fault: string | undefined;
}

interface Tried {
  url: string;
  outcome: { kind: 'taken' } | { kind: 'gone' } | { kind: 'again'; reason: string };
}

export function webhooksView({ spec, state, fault }: Told) {
  const word = stateOf(state, fault);
  return {
    url: shown(spec.url),
    events: spec.events,
    state: word,
    says: fault ?? state.lastFailure,
    waiting: state.waiting.length,
    delivered: state.delivered,
    givenUp: state.dropped,
    failures: state.failures,
    nextTryMs: word === 'resting' ? Math.ceil(state.nextTryMs) : null,
    lastDeliveredAtMs: state.lastDeliveredAtMs || null,
    deadLetters: [...state.dead].reverse(),
  };
}

export function testView({ url, outcome }: Tried) {
  const says = { taken: 'taken', gone: 'status 410: it wants nothing more', again: '' }[outcome.kind];
  return { url: shown(url), taken: outcome.kind === 'taken', says: outcome.kind === 'again' ? outcome.reason : says };
}

function stateOf({ goneAtMs, failures }: Told['state'], fault: string | undefined): (typeof WEBHOOK_STATES)[number] {
  if (fault !== undefined) return 'faulty';
  if (goneAtMs > 0) return 'gone';
  return failures > 0 ? 'resting' : 'ready';
}

const shown = (url: string): string => url.replace(/\?.*$/s, '?…');
