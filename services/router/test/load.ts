// An open-loop load of predictions against a router, over gRPC or REST: so many a second, whatever comes back.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { GRPCInferenceService, inferencePb } from '@millrace/contracts';
import type { GrpcClient } from '@millrace/grpc';

export interface Outcome {
  sentAtMs: number;
  ms: number;
  /** '' = answered. */
  error: string;
  version: string;
}

export interface Load {
  /** So far. */
  readonly outcomes: readonly Outcome[];
  /** So far, answered or not. */
  readonly sent: number;
  stop(): Promise<Outcome[]>;
}

/** Long: it must not be the busy machine of the test that fails a request. */
const DEADLINE_MS = 20_000;

type Client = GrpcClient<typeof GRPCInferenceService>;

export function inferRequest(
  entity = '',
  id = '',
  modelName = 'p',
): MessageInitShape<typeof inferencePb.ModelInferRequestSchema> {
  return {
    modelName,
    id,
    parameters: entity === '' ? {} : { entity: { parameterChoice: { case: 'stringParam' as const, value: entity } } },
    inputs: [{ name: 'x', datatype: 'FP64', shape: [1n] }],
    rawInputContents: [new Uint8Array(8)],
  };
}

/** Runs until stop() and resolves with every outcome when all are in. */
export function startLoad(client: Client, perSecond: number, model = 'p'): Load {
  return openLoop(perSecond, async (entity) => {
    const answer = await client.modelInfer(inferRequest(entity, '', model), { deadlineMs: DEADLINE_MS });
    return answer.modelVersion;
  });
}

/**
 * Over connections that are kept alive; `headers`: of each request. Where a connection to one of the ports does not
 * come about, so that nothing was sent, the next one is asked.
 */
export function startRestLoad(
  ports: number | readonly number[],
  perSecond: number,
  model = 'p',
  headers: Record<string, string> = {},
): Load {
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP64', shape: [1], data: [1] }] });
  const ask = async (entity: string, [port, ...others]: readonly number[]): Promise<string> => {
    const asked = fetch(`http://127.0.0.1:${port}/v2/models/${model}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'millrace-entity': entity, ...headers },
      body,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    const answer = await asked.catch((error: Error) => {
      // Refused, or reset in the queue of a listener that is closed: the system does that, and nothing was sent.
      const { syscall } = (error.cause ?? {}) as NodeJS.ErrnoException;
      if (others.length > 0 && syscall === 'connect') return undefined;
      throw error;
    });
    if (answer === undefined) return ask(entity, others);
    const told = (await answer.json()) as { model_version: string; error?: string };
    if (!answer.ok) throw new Error(told.error);
    return told.model_version;
  };
  return openLoop(perSecond, (entity) => ask(entity, [ports].flat()));
}

/** `ask` gives the version that has answered. */
function openLoop(perSecond: number, ask: (entity: string) => Promise<string>): Load {
  const outcomes: Outcome[] = [];
  const running = new Set<Promise<void>>();
  const startMs = performance.now();
  let sent = 0;
  const send = () => {
    const due = ((performance.now() - startMs) / 1000) * perSecond;
    for (; sent < due; sent++) {
      const sentAtMs = performance.now();
      const ended = (error: string, version: string) =>
        void outcomes.push({ sentAtMs, ms: performance.now() - sentAtMs, error, version });
      const one = ask(`e${sent}`).then(
        (version) => ended('', version),
        // Of fetch only the cause says what it was.
        ({ message, cause }: Error) => {
          const { message: why = '', code = '' } = (cause ?? {}) as NodeJS.ErrnoException;
          ended(cause === undefined ? message : `${message}: ${code} ${why}`, '');
        },
      );
      running.add(one);
      one.finally(() => running.delete(one));
    }
  };
  const timer = setInterval(send, 5);
  return {
    outcomes,
    get sent() {
      return sent;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      return outcomes.sort((a, b) => a.sentAtMs - b.sentAtMs);
    },
  };
}

/** What failed and how often, short enough to read. */
export function failures(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { error } of outcomes)
    if (error !== '') counts[error.slice(0, 60)] = (counts[error.slice(0, 60)] ?? 0) + 1;
  return counts;
}
