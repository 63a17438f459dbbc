// The one sender of webhooks of the whole platform: takes events over, keeps them in a file, and delivers them to
// the receivers that their projects' files declare. An event counts as taken over when the file has it: only then is
// the position in its topic committed, so that it comes at least once whoever dies. What was delivered and not saved
// is sent again, with the same id.
//
// At most SENDING_MAX deliveries are on their way, one an endpoint; queues, ids and dead letters are bounded by
// libs/webhooks, endpoints by the project file (8) and PROJECTS_MAX.

import type { TrainerEntry } from '@millrace/contracts';
import { type Clock, eventType, PlatformError, PROJECTS_MAX, type Rng } from '@millrace/domain';
import type { Project, WebhookSpec } from '@millrace/project';
import type { Route } from '@millrace/routing';
import { counter, logger } from '@millrace/telemetry';
import {
  due,
  type EndpointState,
  emptyEndpoint,
  enqueue,
  type Outcome,
  outcomeOf,
  type Sender,
  type Sent,
  secretOf,
  settle,
  signedHeaders,
  type Waiting,
} from '@millrace/webhooks';
import { type LoopSeen, ofLoop } from './loop-events.js';
import { bodyOf, isOlder, ofRoute, type ProjectEvent, type RouteSeen, seenOf } from './platform-events.js';

const SENDING_MAX = 16;
/** A delivery is saved as done within this; a crash before repeats it. */
const SAVE_EVERY_MS = 250;
const CONTENT_TYPE = 'application/cloudevents+json; charset=utf-8';

export interface DeskState {
  /** By project, then by URL. */
  endpoints: Record<string, Record<string, EndpointState>>;
  routes: Record<string, RouteSeen>;
  loops: Record<string, LoopSeen>;
}

export interface DeskOptions {
  sender: Pick<Sender, 'send'>;
  clock: Clock;
  rng: Rng;
  /** Of the process: a secret by the name of its variable. */
  variable(name: string): string | undefined;
  /** Durable when it resolves. */
  save(state: DeskState): Promise<void>;
}

interface Endpoint {
  project: string;
  spec: WebhookSpec;
  state: EndpointState;
  busy: boolean;
}

const sent = counter('millrace.monitor.webhooks_sent');

export class WebhookDesk {
  private readonly log = logger('webhooks');
  private readonly endpoints = new Map<string, Endpoint[]>();
  /** As the projects' files say; until `begin` the newest of what is read counts. */
  private readonly declared = new Map<string, { webhooks: readonly WebhookSpec[]; appliedAtMs: number }>();
  private begun = false;
  private kept: DeskState = { endpoints: {}, routes: {}, loops: {} };
  private saving: Promise<void> = Promise.resolve();
  private savedAtMs = 0;
  private isDirty = false;
  private sending = 0;
  private ended = false;

  constructor(private readonly options: DeskOptions) {}

  /** What an earlier process left. */
  restore(state: DeskState): void {
    this.kept = state;
  }

  /** Everything is declared that was: what is kept of other projects and receivers goes. */
  begin(): void {
    this.begun = true;
    for (const kept of [this.kept.endpoints, this.kept.routes, this.kept.loops])
      for (const project of Object.keys(kept)) if (!this.declared.has(project)) delete kept[project];
    for (const project of this.declared.keys()) this.apply(project);
  }

  /** A project as its file says now. Receivers that it no longer names are forgotten, with what waited for them. */
  declare({ name, notify }: Pick<Project, 'name' | 'notify'>, appliedAtMs: number): void {
    if (!this.declared.has(name) && this.declared.size >= PROJECTS_MAX) return;
    this.declared.set(name, { webhooks: notify.webhooks, appliedAtMs });
    if (this.begun) this.apply(name);
  }

  forget(project: string): void {
    this.declared.delete(project);
    this.endpoints.delete(project);
    if (!this.begun) return;
    delete this.kept.endpoints[project];
    delete this.kept.routes[project];
    delete this.kept.loops[project];
    this.isDirty = true;
  }

  private apply(name: string): void {
    const { webhooks, appliedAtMs } = this.declared.get(name) ?? { webhooks: [], appliedAtMs: 0 };
    const before = this.endpoints.get(name) ?? [];
    const states = this.kept.endpoints[name] ?? {};
    const next = webhooks.map((spec): Endpoint => {
      const known = before.find(({ spec: { url } }) => url === spec.url);
      const state = known?.state ?? { ...emptyEndpoint(appliedAtMs), ...states[spec.url] };
      // Whoever applies the file again wants it tried again.
      if (appliedAtMs > state.goneAtMs) state.goneAtMs = 0;
      return known === undefined ? { project: name, spec, state, busy: false } : Object.assign(known, { spec });
    });
    this.endpoints.set(name, next);
    this.keep(name);
  }

  /** Resolves when the events are kept. `atMs`: when their message was written. */
  take(events: readonly ProjectEvent[], atMs: number): Promise<void> {
    return this.takeAll([{ events, atMs }]);
  }

  /** Of several messages, kept in one write. */
  async takeAll(messages: readonly { events: readonly ProjectEvent[]; atMs: number }[]): Promise<void> {
    const taken = messages.map(({ events, atMs }) => this.put(events, atMs));
    if (taken.includes(true)) await this.save();
  }

  /** A route is told by what it was before, which is kept with the events. */
  async takeRoute(route: Route, atMs: number): Promise<void> {
    const { project } = route;
    const seen = seenOf(route);
    const before = this.kept.routes[project];
    if (!this.declared.has(project) || isOlder(seen, before)) return;
    this.put(ofRoute(before, route), atMs);
    this.kept.routes[project] = seen;
    await this.save();
  }

  /** Likewise a loop, by its state before. */
  async takeLoop(entry: TrainerEntry, atMs: number): Promise<void> {
    const { project } = entry;
    if (!this.declared.has(project)) return;
    const before = this.kept.loops[project];
    const { events, seen = before } = ofLoop(before, entry);
    const isNew = this.put(events, atMs);
    if (seen === undefined || (!isNew && JSON.stringify(seen) === JSON.stringify(before))) return;
    this.kept.loops[project] = seen;
    await this.save();
  }

  /** Called every few hundred milliseconds. */
  tick(): void {
    if (this.ended) return;
    const nowMs = this.options.clock.nowMs();
    for (const endpoints of this.endpoints.values())
      for (const endpoint of endpoints) {
        if (this.sending >= SENDING_MAX) break;
        const waiting = endpoint.busy ? undefined : due(endpoint.state, nowMs);
        if (waiting !== undefined) void this.deliver(endpoint, waiting);
      }
    if (this.isDirty && nowMs - this.savedAtMs >= SAVE_EVERY_MS)
      this.save().catch((error: unknown) => this.unsaved(error));
  }

  /** Sends no more; resolves when what was done is kept. */
  async end(): Promise<void> {
    this.ended = true;
    await this.save();
  }

  get waiting(): number {
    return this.all().reduce((sum, { state }) => sum + state.waiting.length, 0);
  }

  /** What each receiver of a project has and lacks. */
  of(project: string): { spec: WebhookSpec; state: EndpointState; fault: string | undefined }[] {
    return (this.endpoints.get(project) ?? []).map(({ spec, state }) => {
      const secret = this.secret(spec);
      return { spec, state, fault: secret.kind === 'fault' ? secret.fault : undefined };
    });
  }

  /** Sends a trial to each receiver of a project, at once and only once; what waits, waits on. */
  async test(project: string): Promise<{ url: string; outcome: Outcome }[]> {
    const nowMs = this.options.clock.nowMs();
    const id = `${project}/test/${nowMs}`;
    const data = { project, message: 'a trial that a person has asked for' };
    const body = bodyOf({ project, event: 'webhook.test', id, subject: 'test', data }, nowMs);
    const trial: Waiting = { id, type: eventType('webhook.test'), body, sinceMs: nowMs, tries: 0 };
    const specs = (this.endpoints.get(project) ?? []).map(({ spec }) => spec);
    if (specs.length === 0)
      throw new PlatformError('not_found', `${project} declares no webhooks: add notify.webhooks to its project file`);
    return Promise.all(specs.map(async (spec) => ({ url: spec.url, outcome: await this.try(spec, trial) })));
  }

  private put(events: readonly ProjectEvent[], atMs: number): boolean {
    const nowMs = this.options.clock.nowMs();
    let taken = false;
    for (const event of events) {
      for (const { spec, state } of this.endpoints.get(event.project) ?? []) {
        const isWanted = spec.events.length === 0 || spec.events.includes(event.event);
        if (!isWanted || atMs < state.sinceMs) continue;
        const before = state.dropped;
        const waiting = { id: event.id, type: eventType(event.event), body: bodyOf(event, atMs) };
        taken = enqueue(state, waiting, nowMs) || taken;
        sent.add(state.dropped - before, { outcome: 'given_up' });
      }
    }
    return taken;
  }

  private async deliver(endpoint: Endpoint, waiting: Waiting): Promise<void> {
    const { clock, rng } = this.options;
    endpoint.busy = true;
    this.sending += 1;
    const outcome = await this.try(endpoint.spec, waiting);
    const before = endpoint.state.dropped;
    settle(endpoint.state, waiting, outcome, clock.nowMs(), rng);
    sent.add(endpoint.state.dropped - before, { outcome: 'given_up' });
    if (outcome.kind !== 'taken' && endpoint.state.failures <= 1)
      this.log.warn('a webhook does not take its events', { project: endpoint.project, ...reasonOf(outcome) });
    this.isDirty = true;
    this.sending -= 1;
    endpoint.busy = false;
  }

  private async try(spec: WebhookSpec, { id, body }: Waiting): Promise<Outcome> {
    const nowMs = this.options.clock.nowMs();
    const secret = this.secret(spec);
    const said: Sent =
      secret.kind === 'fault'
        ? { kind: 'refused', reason: secret.fault }
        : await this.options.sender.send({
            url: spec.url,
            headers: { ...spec.headers, 'content-type': CONTENT_TYPE, ...signedHeaders(secret.key, id, nowMs, body) },
            body,
          });
    const outcome = outcomeOf(said, nowMs);
    sent.add(1, { outcome: said.kind === 'answered' ? outcome.kind : said.kind });
    return outcome;
  }

  private secret({ secretEnv }: WebhookSpec) {
    return secretOf(secretEnv, this.options.variable(secretEnv));
  }

  private all(): Endpoint[] {
    return [...this.endpoints.values()].flat();
  }

  private keep(project: string): void {
    const endpoints = this.endpoints.get(project) ?? [];
    if (endpoints.length === 0) delete this.kept.endpoints[project];
    else this.kept.endpoints[project] = Object.fromEntries(endpoints.map(({ spec, state }) => [spec.url, state]));
    this.isDirty = true;
  }

  /** One write at a time; each has everything that was there when it began. */
  private save(): Promise<void> {
    const written = this.saving.then(async () => {
      this.isDirty = false;
      this.savedAtMs = this.options.clock.nowMs();
      await this.options.save(this.kept);
    });
    this.saving = written.catch(() => {
      this.isDirty = true;
    });
    return written;
  }

  private unsaved(error: unknown): void {
    if (!this.ended) this.log.warn('deliveries cannot be saved: after a restart some come again', {}, error);
  }
}

function reasonOf(outcome: Outcome): { reason: string } {
  return { reason: outcome.kind === 'again' ? outcome.reason : outcome.kind };
}
