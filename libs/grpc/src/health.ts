// grpc.health.v1, once for every server of the platform: what Check, List and Watch say over one state for the server
// ("") and each of its services. While the server closes everything is NOT_SERVING. Knows no transport:
// http2-server/health.ts and health-service.ts put it on the wire.

import { Health, healthPb } from '@millrace/contracts';

const { HealthCheckResponse_ServingStatus: ServingStatus } = healthPb;
export type ServingStatus = healthPb.HealthCheckResponse_ServingStatus;

/** Watchers beyond this are refused. */
export const WATCHERS_MAX = 256;

export interface HealthWatcher {
  write(status: ServingStatus): void;
  end(): void;
}

export class HealthState {
  private serving = true;
  private closing = false;
  /** With whether the service they asked about is known: one that is not stays so. */
  private readonly watchers = new Map<HealthWatcher, boolean>();
  private readonly services: ReadonlySet<string>;

  /** `services`: type names that may be asked about beside "". */
  constructor(services: Iterable<string>) {
    this.services = new Set(['', Health.typeName, ...services]);
  }

  setServing(serving: boolean): void {
    if (serving === this.serving) return;
    this.serving = serving;
    for (const [watcher, known] of this.watchers) if (known) watcher.write(this.status);
  }

  /** Tells the watchers and lets them go: they would keep their connections open for ever. */
  close(): void {
    this.setServing(false);
    this.closing = true;
    for (const watcher of this.watchers.keys()) watcher.end();
    this.watchers.clear();
  }

  /** undefined: no such service. */
  check(service: string): ServingStatus | undefined {
    return this.services.has(service) ? this.status : undefined;
  }

  list(): Record<string, { status: ServingStatus }> {
    return Object.fromEntries([...this.services].map((service) => [service, { status: this.status }]));
  }

  /** False: as many watch as may. */
  watch(service: string, watcher: HealthWatcher): boolean {
    if (this.watchers.size >= WATCHERS_MAX) return false;
    const known = this.services.has(service);
    watcher.write(known ? this.status : ServingStatus.SERVICE_UNKNOWN);
    if (this.closing) watcher.end();
    else this.watchers.set(watcher, known);
    return true;
  }

  forget(watcher: HealthWatcher): void {
    this.watchers.delete(watcher);
  }

  private get status(): ServingStatus {
    return this.serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }
}
