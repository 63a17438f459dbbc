// An open-loop load of predictions against a router's gRPC endpoint: so many a second, whatever comes back.

import type { MessageInitShape } from '@bufbuild/protobuf';
import type { GRPCInferenceService, inferencePb } from '@millrace/contracts';
import type { PlatformError } from '@millrace/domain';
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
  stop(): Promise<Outcome[]>;
}

/** Long: it must not be the busy machine of the test that fails a request. */
const DEADLINE_MS = 20_000;

type Client = GrpcClient<typeof GRPCInferenceService>;

export function inferRequest(entity = '', id = ''): MessageInitShape<typeof inferencePb.ModelInferRequestSchema> {
  return {
    modelName: 'p',
    id,
    parameters: entity === '' ? {} : { entity: { parameterChoice: { case: 'stringParam' as const, value: entity } } },
    inputs: [{ name: 'x', datatype: 'FP64', shape: [1n] }],
    rawInputContents: [new Uint8Array(8)],
  };
}

/** Runs until stop() and resolves with every outcome when all are in. */
export function startLoad(client: Client, perSecond: number): Load {
  const outcomes: Outcome[] = [];
  const running = new Set<Promise<void>>();
  const startMs = performance.now();
  let sent = 0;
  const send = () => {
    const due = ((performance.now() - startMs) / 1000) * perSecond;
    for (; sent < due; sent++) {
      const sentAtMs = performance.now();
      const one = client.modelInfer(inferRequest(`e${sent}`), { deadlineMs: DEADLINE_MS }).then(
        (answer) => {
          outcomes.push({ sentAtMs, ms: performance.now() - sentAtMs, error: '', version: answer.modelVersion });
        },
        (error: PlatformError) => {
          outcomes.push({ sentAtMs, ms: performance.now() - sentAtMs, error: error.message, version: '' });
        },
      );
      running.add(one);
      one.finally(() => running.delete(one));
    }
  };
  const timer = setInterval(send, 5);
  return {
    outcomes,
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
