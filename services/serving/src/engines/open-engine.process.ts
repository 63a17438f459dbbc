// Opens a model's engine where its instances belong: inside this process, in engine processes, or both (placement.ts).

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PlatformError, type RestartLimits, systemClock } from '@millrace/domain';
import { NO_PARAMETERS, type Tensor } from '@millrace/inference';
import { counter, type Logger, logger } from '@millrace/telemetry';
import type { InstanceGroup } from '../declaration/model-spec.js';
import type { EngineCall, ModelSource, TensorEngine, TensorRuntime } from '../runtime/tensor-engine.js';
import { ENGINE_LIMITS, type EngineLimits } from './engine-client.js';
import { processLauncher } from './engine-launcher.process.js';
import { EnginePool } from './engine-pool.js';
import { type EngineInstance, EngineProcess, RESTARTS } from './engine-process.js';
import { InsideEngine } from './inside-engine.js';
import {
  groupsOf,
  INSTANCES_MAX,
  mayStayInside,
  type Place,
  PROOF_ROWS_MAX,
  placesOf,
  proofInputs,
} from './placement.js';

export interface OpenedEngine {
  engine: TensorEngine;
  /** Calls that keep all instances busy: the batcher's bound on batches in flight. */
  concurrency: number;
  /** Where its instances run: what ModelSpec.instanceGroups should say of a model that left it open. */
  groups: readonly InstanceGroup[];
}

export interface OpenSettings {
  log: Logger;
  limits: EngineLimits;
  restarts: RestartLimits;
  /** What an engine process may take for its data; undefined = unbounded. */
  dataBytesMax: number | undefined;
  /** Of engine processes: the process that speaks the wire goes first. */
  niceness: number;
  /** For tests that run from the sources. */
  hostScript: string | undefined;
}

/**
 * Measured (README): with all cores busy, 5 gives small models inside a third more and takes 8 % of what slow ones do.
 */
const NICENESS = 5;

const DEFAULTS: OpenSettings = {
  log: logger('engines'),
  limits: ENGINE_LIMITS,
  restarts: RESTARTS,
  dataBytesMax: undefined,
  niceness: NICENESS,
  hostScript: undefined,
};

const crashes = counter('millrace.serving.engine_crashes');
const lostCalls = counter('millrace.serving.engine_calls_lost');

const NO_CALL: EngineCall = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };

/** Of a ModelSpec or of a draft of one; undefined = left to serving. */
export interface EngineWishes {
  readonly instanceGroups: readonly InstanceGroup[] | undefined;
  readonly maxBatchSize: number | undefined;
}

/** Throws what the runtime's load throws; unavailable where an engine process does not start. */
export async function openEngine(
  source: ModelSource,
  runtime: TensorRuntime,
  spec: EngineWishes,
  settings: Partial<OpenSettings> = {},
): Promise<OpenedEngine> {
  const opener = new Opener(source, runtime, { ...DEFAULTS, ...settings });
  const places = placesOf(spec.instanceGroups ?? []);
  if (places) return opener.openAll(places);
  return runtime.mayStayInside
    ? opener.prove(spec.maxBatchSize ?? PROOF_ROWS_MAX)
    : opener.openAll([{ kind: 'process', gpu: undefined }]);
}

class Opener {
  private readonly facts: { model: string; version: number };

  constructor(
    private readonly source: ModelSource,
    private readonly runtime: TensorRuntime,
    private readonly settings: OpenSettings,
  ) {
    this.facts = { model: source.name, version: source.version };
  }

  async openAll(places: readonly Place[]): Promise<OpenedEngine> {
    if (places.length > INSTANCES_MAX) {
      const asked = `model '${this.source.name}' asks for ${places.length} instances`;
      throw new PlatformError('invalid_argument', `${asked}, at most ${INSTANCES_MAX} are allowed`);
    }
    const opened = await Promise.allSettled(places.map((place) => this.open(place)));
    const instances = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const refused = opened.find((result) => result.status === 'rejected');
    if (refused) {
      await Promise.all(instances.map((instance) => instance.close()));
      throw refused.reason;
    }
    return this.pooled(instances, places);
  }

  /** Starts an engine process, has it run full batches, and goes inside when they were short. */
  async prove(maxBatchSize: number): Promise<OpenedEngine> {
    const key = this.fingerprint();
    const known = verdicts.get(key);
    if (known !== undefined) return this.openAll([known ? { kind: 'inside' } : PROCESS]);
    const instance = await this.openProcess(undefined, true);
    let inside: boolean;
    try {
      const computeMs = await proofMs(instance, proofInputs(instance.inputs, this.source.batched, maxBatchSize));
      const loadMs = instance.loadUs / 1000;
      inside = mayStayInside(computeMs, loadMs);
      this.settings.log.info('engine placed', {
        ...this.facts,
        place: inside ? 'inside' : 'process',
        compute_ms: computeMs,
        load_ms: loadMs,
      });
    } catch (thrown) {
      // Zeros are no input for it (an index out of range, an empty text): not known to be short, so it stays outside.
      inside = false;
      const reason = PlatformError.from(thrown).reason;
      this.settings.log.info('engine placed', { ...this.facts, place: 'process', unproven: reason });
    }
    if (verdicts.size >= VERDICTS_MAX) verdicts.delete(verdicts.keys().next().value as string);
    verdicts.set(key, inside);
    if (!inside) return this.pooled([instance], [PROCESS]);
    await instance.close();
    return this.openAll([{ kind: 'inside' }]);
  }

  private pooled(instances: readonly EngineInstance[], places: readonly Place[]): OpenedEngine {
    const [first] = instances;
    if (!first) throw new Error('a model without instances');
    const label = `model '${this.source.name}' version ${this.source.version}`;
    // One inside needs no pool: the shortest way for small models.
    const single = first instanceof InsideEngine && instances.length === 1;
    const engine = single ? first.engine : new EnginePool(label, instances as [EngineInstance, ...EngineInstance[]]);
    return { engine, concurrency: instances.length, groups: groupsOf(places) };
  }

  private open(place: Place): Promise<EngineInstance> {
    if (place.kind === 'process') return this.openProcess(place.gpu);
    return this.runtime.load(this.source).then((engine) => new InsideEngine(engine));
  }

  private openProcess(gpu: number | undefined, timed = false): Promise<EngineProcess> {
    const { log, limits, restarts, dataBytesMax, niceness, hostScript } = this.settings;
    const { facts } = this;
    const launch = processLauncher({
      gpu,
      niceness,
      dataBytesMax,
      printed: (line) => log.info('engine printed', { ...facts, line }),
      ...(hostScript === undefined ? {} : { hostScript }),
    });
    const order = { platform: this.runtime.platform, source: { ...this.source, gpu: gpu ?? null }, timed };
    const after = (delayMs: number, work: () => void): (() => void) => {
      const timer = setTimeout(work, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    };
    const ports = { clock: systemClock, allocate: (bytes: number) => Buffer.allocUnsafe(bytes), after };
    return EngineProcess.open({ order, limits, restarts, launch }, ports, {
      crashed: (reason, lost, againInMs) => this.crashed(reason, lost, againInMs),
      restarted: () => log.info('engine process is back', facts),
    });
  }

  private crashed(reason: string, lost: number, againInMs: number | undefined): void {
    const { log } = this.settings;
    crashes.add(1, { model: this.source.name });
    lostCalls.add(lost, { model: this.source.name });
    const facts = { ...this.facts, reason, lost, again_in_ms: againInMs ?? null };
    log.error(againInMs === undefined ? 'engine process given up' : 'engine process ended', facts);
  }

  /** Of the files and settings that decide how long a call takes; changes with them. */
  private fingerprint(): string {
    const { folder, parameters } = this.source;
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .slice(0, FINGERPRINT_FILES_MAX)
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        const { size, mtimeMs } = statSync(path);
        return [path, size, mtimeMs];
      });
    return JSON.stringify([this.runtime.platform, parameters, files]);
  }
}

const PROCESS: Place = { kind: 'process', gpu: undefined };
/** What was proven of files that may come again: a reload of the same version starts no process to prove it anew. */
const verdicts = new Map<string, boolean>();
const VERDICTS_MAX = 256;
const FINGERPRINT_FILES_MAX = 64;
const PROOF_CALLS = 5;

/** The quickest of several full batches, as the engine's own process measured it. */
async function proofMs(instance: EngineProcess, inputs: Tensor[] | undefined): Promise<number> {
  if (!inputs) return Number.POSITIVE_INFINITY;
  let best = Number.POSITIVE_INFINITY;
  for (let call = 0; call < PROOF_CALLS; call++) {
    await instance.run(inputs, NO_CALL);
    best = Math.min(best, instance.lastComputeUs / 1000);
  }
  return best;
}
