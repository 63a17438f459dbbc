// Where a request for a model of a V2 server that is not ours goes, and as what: to the version that the project's
// route chooses, with the name and version that this server knows. Requests for models that nobody watches go to the
// server that stands behind the whole router, if one does, as they came.

import type { RequestIds } from '@millrace/domain';
import { GRPC_STATUS, primaryVersion } from '@millrace/routing';
import type { RouteTable } from '../routing/route-table.js';
import { type UpstreamTable, type UpstreamVersion, versionServing } from './upstream-table.js';

export interface Destination {
  readonly kind: 'there';
  /** host:port of its gRPC endpoint. */
  readonly address: string;
  /** What counts the outcome: '' and 0 where nobody watches. */
  readonly project: string;
  readonly version: number;
  /** Answers are logged as this version's. */
  readonly watched: UpstreamVersion | undefined;
  /** What the server calls the model, where the client says something else; '' = as it came. */
  readonly model: string;
  readonly modelVersion: string;
  /** What the route's split drew the version by; '' = it did not. */
  readonly drawnBy: string;
}

export type UpstreamChoice = Destination | { kind: 'refused'; project: string; status: number; message: string };

export interface AskedFor {
  model: string;
  /** As the client writes it; '' = none. */
  version: string;
  entity: string;
  requestId: string;
}

export class UpstreamChooser {
  private readonly unwatched: Destination | undefined;

  constructor(
    private readonly table: UpstreamTable,
    private readonly routes: RouteTable,
    private readonly ids: RequestIds,
    /** Of the server behind the whole router; '' = serving is. */
    readonly behind: string,
  ) {
    this.unwatched = behind === '' ? undefined : { ...AS_IT_CAME, address: behind };
  }

  /** For a question about a model: the server of the version that most requests go to. */
  primary(model: string, version: string): Destination | undefined {
    const found = this.table.named(model);
    const route = found && this.routes.get(found.project);
    const watched = route && found?.versions.get(primaryVersion(route.targets));
    return watched === undefined ? this.unwatched : destinationOf(watched, model, version);
  }

  /** undefined: the model is not elsewhere. */
  choose({ model, version, entity, requestId }: AskedFor): UpstreamChoice | undefined {
    const found = this.table.named(model);
    const route = found && this.routes.get(found.project);
    if (found === undefined || route === undefined) return this.unwatched;
    const { project } = found;
    const pinned = version === '' ? 0 : versionServing(found, version);
    if (version !== '' && pinned === 0) {
      // A version that nobody watches; whether there is one, the server says.
      const primary = found.versions.get(primaryVersion(route.targets));
      return primary ? { ...AS_IT_CAME, address: primary.upstream.address, project } : this.unwatched;
    }
    const id = requestId === '' ? this.ids.next() : requestId;
    const choice = this.routes.choose(project, entity, id, pinned);
    const live = choice.kind === 'chosen' ? choice.live : 0;
    const watched = found.versions.get(live);
    if (watched === undefined) {
      // Its first version is on its way, or the client names one that is not in service.
      if (this.unwatched) return this.unwatched;
      const what = live === 0 ? 'has no version in service' : `version ${live} is no upstream`;
      return { kind: 'refused', project, status: GRPC_STATUS.UNAVAILABLE, message: `model '${model}' ${what}` };
    }
    const isDrawn = choice.kind === 'chosen' && choice.drawn;
    return destinationOf(watched, model, version, isDrawn ? this.routes.drawnBy(project, entity, id) : '');
  }
}

function destinationOf(watched: UpstreamVersion, model: string, version: string, drawnBy = ''): Destination {
  const { upstream, project } = watched;
  return {
    kind: 'there',
    address: upstream.address,
    project,
    version: watched.version,
    watched,
    model: upstream.model === model ? '' : upstream.model,
    modelVersion: version === '' ? upstream.version : '',
    drawnBy,
  };
}

const AS_IT_CAME: Omit<Destination, 'address'> = Object.freeze({
  kind: 'there',
  project: '',
  version: 0,
  watched: undefined,
  model: '',
  modelVersion: '',
  drawnBy: '',
});
