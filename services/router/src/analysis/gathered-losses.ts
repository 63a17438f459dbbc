// What monitors said of the labels of rollouts under way: of each partition the word with the most labels, added up. A
// monitor that goes on from an older checkpoint says less for a while, of labels that are known already: it is not
// listened to until it says more. So each label counts once, whoever counts it. Bounded: of each project its newest
// rollout, ROLLOUTS_MAX of them, PARTITIONS_MAX words each; of one more the oldest goes.

import type { EntityLosses, LossCell } from '@millrace/routing';
import { RolloutLosses } from '@millrace/routing';
import { type RolloutId, WATCHED_MAX } from './evidence-book.js';
import { putLast } from './gathered-evidence.js';

/** Of rollouts that have ended the last words stay, too. */
const ROLLOUTS_MAX = 4 * WATCHED_MAX;
const PARTITIONS_MAX = 1_024;

/** As it stands in the topic. */
export interface LossesWord {
  readonly project: string;
  readonly createdAtMs: number;
  readonly partition: number;
  readonly fromRevision: number;
  readonly cells: readonly LossCell[];
  readonly entities: readonly EntityLosses[];
}

interface OfRollout {
  createdAtMs: number;
  fromRevision: number;
  /** By partition. */
  words: Map<number, { labelled: number } & Pick<LossesWord, 'cells' | 'entities'>>;
}

export class GatheredLosses {
  private readonly projects = new Map<string, OfRollout>();

  /** Of a project: what was said before it belongs to another one of the name. */
  constructor(private readonly createdAtMs: (project: string) => number = () => 0) {}

  hear({ project, createdAtMs, partition, fromRevision, cells, entities }: LossesWord): void {
    const known = this.projects.get(project);
    // Revisions begin anew where a project was deleted and applied again.
    if (known !== undefined && createdAtMs < known.createdAtMs) return;
    const isOfLife = known?.createdAtMs === createdAtMs;
    if (isOfLife && fromRevision < known.fromRevision) return;
    const isSame = isOfLife && known.fromRevision === fromRevision;
    const of: OfRollout = isSame ? known : { createdAtMs, fromRevision, words: new Map() };
    const labelled = cells.reduce((sum, { count }) => sum + count, 0);
    const before = of.words.get(partition);
    if (before !== undefined && before.labelled > labelled) return;
    if (before === undefined && of.words.size >= PARTITIONS_MAX) return;
    of.words.set(partition, { labelled, cells, entities });
    putLast(this.projects, project, of, ROLLOUTS_MAX);
  }

  forget(project: string): void {
    this.projects.delete(project);
  }

  of({ project, fromRevision }: Omit<RolloutId, 'version'>): RolloutLosses {
    const sum = new RolloutLosses(fromRevision);
    const of = this.projects.get(project);
    if (of?.fromRevision !== fromRevision || of.createdAtMs < this.createdAtMs(project)) return sum;
    for (const { cells, entities } of of.words.values()) {
      sum.addCells(cells);
      sum.addEntities(entities);
    }
    return sum;
  }
}
