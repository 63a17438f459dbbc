// Load from ghz, a gRPC load generator in Go: installed once into the cache by `go install`, pinned by version.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '@millrace/config';
import { PlatformError } from '@millrace/domain';

const VERSION = 'v0.93.0';
const run = promisify(execFile);

export interface GhzResult {
  perSecond: number;
  failures: number;
  /** What the failed calls said; '' = none failed. */
  firstFailure: string;
  p50Ms: number;
  p99Ms: number;
}

export interface GhzSettings {
  address: string;
  /** A ModelInferRequest in protobuf bytes. */
  request: Uint8Array;
  /** Ignored where `requests` is given. */
  seconds: number;
  /** Ends after so many calls instead of by time. */
  requests?: number;
  connections: number;
  /** Calls in flight (closed loop). */
  inFlight: number;
  /** gRPC metadata of every call. */
  metadata?: Readonly<Record<string, string>>;
  /** Open loop: calls a second, evenly spaced, whether earlier ones are answered or not; else closed. */
  perSecond?: number;
}

/** The path of the ghz binary; installs it where it is missing. */
export async function ghz(cache: string): Promise<string> {
  const folder = join(cache, `ghz-${VERSION}`);
  const binary = join(folder, 'ghz');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  try {
    await run('go', ['install', `github.com/bojand/ghz/cmd/ghz@${VERSION}`], {
      env: { ...environment(), GOBIN: folder },
      maxBuffer: 16 << 20,
    });
  } catch (thrown) {
    throw new PlatformError('unavailable', 'ghz could not be installed; the bench needs Go (see `millrace doctor`)', {
      cause: thrown,
    });
  }
  return binary;
}

export async function runGhz(binary: string, root: string, settings: GhzSettings): Promise<GhzResult> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-ghz-'));
  const data = join(folder, 'request.bin');
  const output = join(folder, 'result.json');
  writeFileSync(data, settings.request);
  await run(
    binary,
    [
      '--insecure',
      '--import-paths',
      join(root, 'proto'),
      '--proto',
      join(root, 'proto/inference/grpc_service.proto'),
      '--call',
      'inference.GRPCInferenceService.ModelInfer',
      '--binary-file',
      data,
      '--concurrency',
      String(settings.inFlight),
      '--connections',
      String(settings.connections),
      ...(settings.requests
        ? ['--total', String(settings.requests)]
        : ['--duration', `${settings.seconds}s`, '--duration-stop', 'wait']),
      ...(settings.metadata ? ['--metadata', JSON.stringify(settings.metadata)] : []),
      ...(settings.perSecond ? ['--rps', String(settings.perSecond), '--async'] : []),
      '--format',
      'json',
      '--output',
      output,
      settings.address,
    ],
    { maxBuffer: 64 << 20 },
  );
  const result = JSON.parse(readFileSync(output, 'utf8')) as {
    rps: number;
    count: number;
    statusCodeDistribution: Record<string, number>;
    errorDistribution: Record<string, number>;
    latencyDistribution: { percentage: number; latency: number }[];
  };
  const at = (percentage: number) =>
    (result.latencyDistribution.find((entry) => entry.percentage === percentage)?.latency ?? 0) / 1e6;
  return {
    perSecond: result.rps,
    failures: result.count - (result.statusCodeDistribution.OK ?? 0),
    firstFailure: Object.keys(result.errorDistribution ?? {})[0] ?? '',
    p50Ms: at(50),
    p99Ms: at(99),
  };
}
