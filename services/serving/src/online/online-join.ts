// Joins the columns that a request leaves out with the latest record of its entity (serving.onlineFeatures of the
// project file), and says in the answer how old they were. The entity of a row is the value of the project's entity
// column where the request brings it as an input [N], else the request's `entity` for all rows.
//
// Age = event time of the request (parameter event_time_ms, else now) minus that of the record; below 0 counts as 0. A
// value that is too old or not there is replaced by the project's default, else it is missing where the column may be
// missing; where it may not, the request is refused with the reason.

import { type Clock, PlatformError, type Scalar } from '@millrace/domain';
import type { InputType, SignatureInput } from '@millrace/features';
import {
  type InferRequest,
  type Parameters,
  type ParameterValue,
  ROW_ENTITIES,
  rowTexts,
  type Tensor,
} from '@millrace/inference';
import type { OnlineFeaturesSpec, Project } from '@millrace/project';
import type { RawRows, StandIn } from '../declaration/signature.js';
import type { Found, OnlineLookups } from './online-lookups.js';

/** From the best to the worst; an answer states the worst of its rows. */
const JOIN_OUTCOMES = ['joined', 'too_old', 'absent', 'away'] as const;
export type JoinOutcome = (typeof JOIN_OUTCOMES)[number];

export interface OnlineJoinPorts {
  lookups: OnlineLookups;
  clock: Clock;
  /** Rows by outcome, for metrics. */
  counted(project: string, outcome: JoinOutcome, rows: number): void;
  aged(project: string, ageMs: number): void;
}

export interface JoinedRequest {
  /** Without the entity's tensor, where the model has no such input. */
  readonly request: InferRequest;
  readonly standIn: StandIn;
  /** Of the answer. */
  readonly parameters: Parameters;
}

interface OnlineColumn {
  readonly name: string;
  readonly type: InputType;
  readonly fallback: Scalar | undefined;
  readonly mayBeMissing: boolean;
}

/** Length of an entity: it becomes a key of Redis and of the local cache. */
const ENTITY_CHARACTERS_MAX = 512;

export class OnlineJoin {
  private readonly spec: OnlineFeaturesSpec;
  /** By position in the signature. */
  private readonly columns: ReadonlyMap<number, OnlineColumn>;
  private readonly names: ReadonlySet<string>;
  private readonly entityIsInput: boolean;

  private constructor(
    private readonly project: Project,
    private readonly entityColumn: string,
    spec: OnlineFeaturesSpec,
    inputs: readonly SignatureInput[],
    private readonly ports: OnlineJoinPorts,
    private readonly rowsMax: number,
  ) {
    this.spec = spec;
    this.entityIsInput = inputs.some(({ name }) => name === entityColumn);
    const columns = new Map<number, OnlineColumn>();
    inputs.forEach(({ name, type }, at) => {
      if (!spec.columns.includes(name)) return;
      const required = project.data.columns.find((column) => column.name === name)?.required ?? false;
      columns.set(at, { name, type, fallback: spec.defaults[name], mayBeMissing: !required });
    });
    this.columns = columns;
    this.names = new Set([...columns.values()].map(({ name }) => name));
  }

  /** undefined where the project asks for none, or the model reads none of its columns. `rowsMax`: of one request. */
  static of(
    project: Project | undefined,
    inputs: readonly SignatureInput[],
    ports: OnlineJoinPorts | undefined,
    rowsMax: number,
  ): OnlineJoin | undefined {
    const spec = project?.serving?.onlineFeatures;
    if (project === undefined || spec === undefined || ports === undefined) return undefined;
    const { entity } = project.data;
    // The project file says one, for it is what they are looked up by.
    if (entity === undefined) return undefined;
    const join = new OnlineJoin(project, entity, spec, inputs, ports, rowsMax);
    if (join.names.size === 0) return undefined;
    ports.lookups.prepare();
    return join;
  }

  /** Whether the request leaves an online column out. */
  concerns(request: InferRequest): boolean {
    let brought = 0;
    for (const { name } of request.inputs) if (this.names.has(name)) brought++;
    return brought < this.names.size || (!this.entityIsInput && this.entityTensor(request) !== undefined);
  }

  /** Throws invalid_argument where the request names no entity or has too many rows. `done` may be called at once. */
  start(
    request: InferRequest,
    entity: string,
    eventTimeMs: number | undefined,
    done: (joined: JoinedRequest) => void,
  ): void {
    const entities = this.entitiesOf(request, entity);
    const distinct = [...new Set(entities)];
    this.ports.lookups.find(this.project.name, distinct, (found) => {
      const byEntity = new Map(distinct.map((name, i) => [name, found[i] as Found]));
      done(this.joined(request, entities, byEntity, eventTimeMs ?? this.ports.clock.nowMs()));
    });
  }

  private joined(
    request: InferRequest,
    entities: readonly string[],
    byEntity: ReadonlyMap<string, Found>,
    nowMs: number,
  ): JoinedRequest {
    const rows: (Readonly<Record<string, Scalar>> | undefined)[] = [];
    const outcomes: JoinOutcome[] = [];
    const counts = { joined: 0, too_old: 0, absent: 0, away: 0 };
    let oldestMs = -1;
    for (const entity of entities) {
      const found = byEntity.get(entity) as Found;
      const ageMs = typeof found === 'string' ? -1 : Math.max(0, nowMs - found.eventTimeMs);
      if (ageMs > oldestMs) oldestMs = ageMs;
      const outcome = typeof found === 'string' ? found : ageMs > this.spec.maxAgeMs ? 'too_old' : 'joined';
      counts[outcome]++;
      outcomes.push(outcome);
      rows.push(outcome === 'joined' && typeof found !== 'string' ? found.values : undefined);
    }
    const { name } = this.project;
    for (const outcome of JOIN_OUTCOMES) if (counts[outcome] > 0) this.ports.counted(name, outcome, counts[outcome]);
    if (oldestMs >= 0) this.ports.aged(name, oldestMs);
    return {
      request: this.withoutEntity(request),
      standIn: { rows: entities.length, fill: (at, raw) => this.fill(at, raw, rows, outcomes, entities) },
      parameters: parametersOf(counts, oldestMs),
    };
  }

  private fill(
    at: number,
    raw: RawRows,
    rows: readonly (Readonly<Record<string, Scalar>> | undefined)[],
    outcomes: readonly JoinOutcome[],
    entities: readonly string[],
  ): boolean {
    const column = this.columns.get(at);
    if (column === undefined) return false;
    for (let r = 0; r < raw.length; r++) {
      const value = fitting(rows[r]?.[column.name], column.type) ?? column.fallback;
      if (value === undefined && !column.mayBeMissing) throw this.refusal(column, outcomes[r], entities[r]);
      (raw[r] as Scalar[])[at] = value ?? null;
    }
    return true;
  }

  private refusal({ name }: OnlineColumn, outcome: JoinOutcome | undefined, entity = ''): PlatformError {
    const hint = `send it, or give it a default (serving.onlineFeatures.defaults.${name} of the project file)`;
    if (outcome === 'away')
      return new PlatformError(
        'unavailable',
        `input '${name}' is missing and the online features cannot be read: Redis does not answer in time; ${hint}`,
      );
    const why =
      outcome === 'too_old'
        ? `the latest record of entity '${entity.slice(0, 64)}' is older than ${this.spec.maxAgeMs} ms`
        : outcome === 'absent'
          ? `no record of entity '${entity.slice(0, 64)}' is kept`
          : `the latest record of entity '${entity.slice(0, 64)}' has no value`;
    return new PlatformError('invalid_argument', `input '${name}' is missing and ${why}; ${hint}`);
  }

  private entityTensor(request: InferRequest): Tensor | undefined {
    return request.inputs.find(({ name }) => name === this.entityColumn);
  }

  /** One for each row. The shapes are still unchecked here: [268435456, 0] takes no bytes on the wire. */
  private entitiesOf(request: InferRequest, entity: string): readonly string[] {
    const tensor = this.entityTensor(request);
    if (tensor !== undefined) {
      this.checkRows(
        tensor.name,
        tensor.shape.reduce((product, size) => product * size, 1),
      );
      if (tensor.datatype === 'BYTES') return tensor.texts().map(shortEntity);
      return tensor.toValues().map(String);
    }
    const first = request.inputs[0];
    const rows = first === undefined ? 1 : (first.shape[0] ?? 0);
    this.checkRows(first?.name ?? '', rows);
    const given = rowTexts(request.parameters, ROW_ENTITIES, rows, ENTITY_CHARACTERS_MAX);
    const entities = Array.from({ length: rows }, (_, row) => given?.[row] || entity);
    if (entities.includes('')) {
      const missing = [...this.names].filter((name) => !request.inputs.some((input) => input.name === name));
      throw new PlatformError(
        'invalid_argument',
        `inputs ${missing.map((name) => `'${name}'`).join(', ')} are missing and the request names no entity to look them ` +
          `up by: send parameter 'entity' or '${ROW_ENTITIES}', header millrace-entity, or input '${this.entityColumn}'`,
      );
    }
    return entities;
  }

  private checkRows(name: string, rows: number): void {
    if (rows >= 1 && rows <= this.rowsMax) return;
    throw new PlatformError(
      'invalid_argument',
      `input '${name.slice(0, 64)}' has ${rows} rows, expected 1 to ${this.rowsMax}`,
    );
  }

  private withoutEntity(request: InferRequest): InferRequest {
    if (this.entityIsInput || this.entityTensor(request) === undefined) return request;
    return { ...request, inputs: request.inputs.filter(({ name }) => name !== this.entityColumn) };
  }
}

function shortEntity(text: string): string {
  if (text.length <= ENTITY_CHARACTERS_MAX) return text;
  throw new PlatformError(
    'invalid_argument',
    `an entity has ${text.length} characters, at most ${ENTITY_CHARACTERS_MAX} are allowed`,
  );
}

/** A value of another type (the column's type changed since) counts as none. */
function fitting(value: Scalar | undefined, type: InputType): Scalar | undefined {
  if (value === null || value === undefined) return undefined;
  const wanted = type === 'text' ? 'string' : type === 'boolean' ? 'boolean' : 'number';
  return typeof value === wanted ? value : undefined;
}

function parametersOf(counts: Readonly<Record<JoinOutcome, number>>, oldestMs: number): Parameters {
  const parameters: Record<string, ParameterValue> = {};
  parameters.online_features = JOIN_OUTCOMES.findLast((outcome) => counts[outcome] > 0) ?? 'joined';
  if (oldestMs >= 0) parameters.online_features_age_ms = BigInt(Math.round(oldestMs));
  const without = counts.too_old + counts.absent + counts.away;
  if (without > 0) parameters.online_features_rows_without = BigInt(without);
  return parameters;
}
