import { describe, expect, it } from '@jest/globals';
import { outcomeOf } from './hanging-transactions.js';

describe('a transaction that its partition takes for open', () => {
  it.each([
    ['whose coordinator is not known now', undefined, undefined],
    ['that is open for its coordinator, too', { state: 'Ongoing', producerEpoch: 4 }, undefined],
    ['whose marker is on its way', { state: 'PrepareCommit', producerEpoch: 4 }, undefined],
    ['that is about to be aborted', { state: 'PrepareAbort', producerEpoch: 4 }, undefined],
    ['whose successor is at work', { state: 'Ongoing', producerEpoch: 5 }, undefined],
    ['that was committed', { state: 'CompleteCommit', producerEpoch: 4 }, 'committed'],
    ['that was aborted', { state: 'CompleteAbort', producerEpoch: 4 }, 'aborted'],
    ['whose id was taken over', { state: 'Empty', producerEpoch: 5 }, 'assumed committed'],
    ['whose time ran out', { state: 'CompleteAbort', producerEpoch: 5 }, 'aborted'],
    ['whose successor committed one of its own', { state: 'CompleteCommit', producerEpoch: 5 }, 'assumed committed'],
    ['whose successors aborted one', { state: 'CompleteAbort', producerEpoch: 6 }, 'assumed committed'],
  ])('%s ends: %j as %s', (_which, known, outcome) => {
    expect(outcomeOf({ producerEpoch: 4 }, known)).toBe(outcome);
  });
});
