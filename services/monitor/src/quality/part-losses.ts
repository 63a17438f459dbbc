// What the labels of one partition said of the project's newest rollout: losses of answers that the route drew, each
// label once, for it is kept and restored with the joins that it was counted by. Of an older rollout nothing is kept:
// nobody decides by it any more. At most 800 cells of 40 bytes, and 2 KiB a
// version by entity.

import { type EntityLosses, type LossCell, type RolloutDraw, RolloutLosses } from '@millrace/routing';

export interface PartLossesState {
  fromRevision: number;
  cells: LossCell[];
  /** Absent in states of a release that did not count by entity. */
  entities?: EntityLosses[];
}

export class PartLosses {
  private losses: RolloutLosses | undefined;

  /** Of the newest rollout; 0 before the first label of any. */
  get labelled(): number {
    return this.losses?.labelled ?? 0;
  }

  add(draw: RolloutDraw, version: number, loss: number, bucket: number | undefined): void {
    const newest = this.losses?.fromRevision ?? 0;
    if (draw.fromRevision < newest) return;
    if (draw.fromRevision > newest) this.losses = new RolloutLosses(draw.fromRevision);
    this.losses?.add(draw, version, loss, bucket);
  }

  state(): PartLossesState | undefined {
    const { losses } = this;
    return losses === undefined
      ? undefined
      : {
          fromRevision: losses.fromRevision,
          cells: losses.cells(),
          entities: losses.entityLosses(),
        };
  }

  restore({ fromRevision, cells, entities = [] }: PartLossesState): void {
    this.losses = new RolloutLosses(fromRevision);
    this.losses.addCells(cells);
    this.losses.addEntities(entities);
  }
}
