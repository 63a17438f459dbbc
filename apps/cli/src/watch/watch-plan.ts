// The processes behind `millrace watch`: those of the platform without serving and training workers, and the router
// before the upstream. Ingest keeps the projects, the trainer's coordinator the registry of versions, the monitor
// watches, Kafka holds all of it. Redis is for online features only, which a watched model has none of.

import { type ProcessPlan, replicaOfProcess } from '@millrace/deployment';

const NEEDED: ReadonlySet<string> = new Set(['kafka', 'ingest', 'trainer', 'monitor', 'router']);

/** host:port; '' = its REST endpoint is not known. */
export interface UpstreamAddresses {
  grpc: string;
  http: string;
}

export function watchPlan(platform: readonly ProcessPlan[], upstream: UpstreamAddresses): ProcessPlan[] {
  return platform
    .filter(({ name }) => NEEDED.has(programOf(name)))
    .map((plan) => ({
      ...plan,
      after: plan.after.filter((name) => NEEDED.has(programOf(name))),
      ...(programOf(plan.name) === 'router' ? { env: { ...plan.env, ...environmentOf(upstream) } } : {}),
    }));
}

/** What a process runs, whichever replica it is. */
const programOf = (name: string): string => replicaOfProcess(name)?.service ?? name;

function environmentOf({ grpc, http }: UpstreamAddresses): Record<string, string> {
  return { MILLRACE_ROUTER_UPSTREAM: grpc, ...(http === '' ? {} : { MILLRACE_ROUTER_UPSTREAM_HTTP: http }) };
}
