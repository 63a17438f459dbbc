// What one process of the platform says of itself, each in bounded time.

import { isJson } from '../client/control.http.js';

const WAIT_MS = 2_000;

/** Partitions by topic. */
export type Holdings = Readonly<Record<string, readonly number[]>>;

/** What a process answers when it is asked whether it is ready. */
interface ReadyAnswer {
  checks?: Readonly<Record<string, string>>;
  troubles?: readonly string[];
}

export interface ProcessState {
  /** As a word or two. What hangs is not down: it holds its port, and a start anew needs its end first. */
  readonly state: string;
  /** What does not go well all the same, or why it is not ready; a sentence each. */
  readonly troubles: readonly string[];
}

export async function stateOf(address: string): Promise<ProcessState> {
  try {
    const response = await fetch(`${address}/health/ready`, { signal: AbortSignal.timeout(WAIT_MS) });
    if (!isJson(response.headers.get('content-type'))) return { state: 'another program listens there', troubles: [] };
    const { checks = {}, troubles = [] } = (await response.json()) as ReadyAnswer;
    if (response.ok) return { state: 'ready', troubles };
    const failed = Object.entries(checks).filter(([, result]) => result !== 'ok');
    return {
      state: `not ready (${response.status})`,
      troubles: [...failed.map(([name, result]) => `${name}: ${result}`), ...troubles],
    };
  } catch (thrown) {
    return { state: withoutAnswer(thrown as Error), troubles: [] };
  }
}

function withoutAnswer({ name }: Error): string {
  if (name === 'SyntaxError') return 'another program listens there';
  return name === 'TimeoutError' ? `no answer within ${WAIT_MS / 1_000} s` : 'down';
}

export const isReady = async (address: string): Promise<boolean> => (await stateOf(address)).state === 'ready';

/** Partitions that a process has of its group; null where it tells none. */
export async function heldBy(address: string): Promise<Holdings | null> {
  return (await json<{ holds?: Holdings }>(`${address}/health/live`))?.holds ?? null;
}

/** host:port of the servings that a router has a stream to; null where it does not answer. */
export async function servingsOf(router: string): Promise<readonly string[] | null> {
  return (await json<{ relay: { servings: string[] } }>(`${router}/v1/stats`))?.relay.servings ?? null;
}

async function json<T>(url: string): Promise<T | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(WAIT_MS) });
    return response.ok ? ((await response.json()) as T) : null;
  } catch {
    return null; // that it does not answer is its state
  }
}
