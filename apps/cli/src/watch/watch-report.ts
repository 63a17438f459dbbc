// What `millrace watch` says when everything stands.

import type { Ports } from '@millrace/deployment';
import type { FoundUpstream } from './ask-upstream.grpc.js';

export interface WatchedVersion {
  model: string;
  project: string;
  version: number;
  /** What was taken for what. */
  sentences: readonly string[];
}

export interface WatchReport extends Pick<FoundUpstream, 'grpc' | 'http' | 'server'> {
  versions: readonly WatchedVersion[];
  /** Passed on, not watched. */
  left: readonly { name: string; why: string }[];
  ports: Pick<Ports, 'routerHttp' | 'routerGrpc'>;
  monitor: string;
  logs: string;
}

export function watchReport({ grpc, http, server, versions, left, ports, monitor, logs }: WatchReport): string {
  return [
    `Upstream             ${server} at ${grpc}${http === '' ? '' : `, REST at ${http}`}`,
    `Point clients at     gRPC 127.0.0.1:${ports.routerGrpc}, REST http://127.0.0.1:${ports.routerHttp}` +
      (http === '' ? ' (inferences only: its REST endpoint is not known, --upstream-http)' : ''),
    ...versions.flatMap(({ model, project, version, sentences }) => [
      `Watched              ${model} as project ${project}, version ${version}`,
      ...sentences.map((sentence) => `                       ${sentence}`),
    ]),
    ...left.map(({ name, why }) => `Not watched          ${name}, passed on all the same: ${why}`),
    `Dashboard            ${monitor}/`,
    `Logs                 ${logs}`,
  ].join('\n');
}
