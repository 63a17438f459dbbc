// Symptom: what the judge of a project tells grew with the windows that wait for labels: with a delay of 30 days and
// windows of a minute 43,200 of them were told anew with every judgement, until Kafka took the message no more.

import { describe, expect, it } from '@jest/globals';
import { binaryOutputs } from '@millrace/domain';
import { aLabel, aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, heldBy, restored } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { Written } from './board.js';

const WINDOW_MS = 1_000;
const DELAY_MS = 500_000;

function stand() {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(WINDOW_MS, DELAY_MS));
  const engine = anEngine(metadata);
  const reports = heldBy(engine);
  let windows = 0;
  let labels = 0;
  const window = (): void => {
    const eventTimeMs = ++windows * WINDOW_MS;
    const ids = { project: 'p', predictionId: `r${windows}/0`, eventTimeMs };
    const row = aPrediction({ ...ids, answeredAtMs: eventTimeMs, outputs: binaryOutputs(0.5) });
    engine.applyPrediction(row, 0, windows - 1, eventTimeMs);
    engine.close(eventTimeMs);
  };
  const label = (of: number): void => {
    const ids = { project: 'p', recordId: '', predictionId: `r${of}/0`, eventTimeMs: of * WINDOW_MS };
    const knownAtMs = ids.eventTimeMs + DELAY_MS;
    engine.applyLabel(aLabel({ ...ids, knownAtMs, value: 1 }), 0, labels++, knownAtMs);
  };
  /** What the judge tells now; the broker takes it. */
  const tell = (): readonly Written[] => {
    const news = reports.ofJudges(0);
    for (const { key, value } of news?.entries ?? []) engine.told(key, JSON.parse(JSON.stringify(value)), 1);
    news?.told();
    return news?.entries ?? [];
  };
  return { metadata, engine, window, label, tell };
}

const keysOf = (entries: readonly Written[]) => entries.map(({ key }) => key);

describe('a judge whose windows wait for labels', () => {
  it('tells of the windows that changed, however many wait, and of them before it tells that it knows them', () => {
    const { engine, window, tell } = stand();
    const bytes: number[] = [];
    for (const count of [20, 300]) {
      while (engine.monitor('p', 1)!.windowStates().length < count) {
        window();
        tell();
      }
      window();
      const entries = tell();
      expect(keysOf(entries).filter((key) => key.startsWith('p/judged/'))).toHaveLength(1);
      expect(keysOf(entries).at(-1)).toBe('p/judge');
      bytes.push(JSON.stringify(entries).length);
    }
    expect(bytes[1]).toBeLessThan(1.1 * bytes[0]!);
  });

  it('takes away what is over, and keeps nothing of windows of another length', () => {
    const { metadata, engine, window, label, tell } = stand();
    for (let i = 0; i < 520; i++) window();
    for (let i = 1; i <= 18; i++) label(i);
    engine.close(1_000_000);
    engine.savedOf(0)();
    tell();
    const told = engine.board.judgedOf('p');
    expect(told.size).toBe(engine.monitor('p', 1)!.windowStates().length);
    expect(told.has(WINDOW_MS)).toBe(false);
    metadata.setProject(aProject(2 * WINDOW_MS, DELAY_MS));
    engine.projectChanged(metadata.project('p')!, 1);
    expect(keysOf(tell()).filter((key) => key.startsWith('p/judged/')).length).toBeGreaterThan(490);
    expect(engine.board.judgedOf('p').size).toBe(0);
  });

  it('is gone on with by whoever reads the board', () => {
    const { metadata, engine, window, label, tell } = stand();
    for (let i = 0; i < 520; i++) window();
    for (let i = 1; i <= 18; i++) label(i);
    engine.close(1_000_000);
    tell();
    const board: Record<string, unknown> = { 'p/judge': engine.board.judge('p') };
    for (const [startMs, entry] of engine.board.judgedOf('p')) board[`p/judged/${startMs}`] = entry;
    const { 'p/judge': judge, ...windows } = board;
    const other = restored(anEngine(metadata), { board: { ...windows, 'p/judge': judge }, numbers: [] }, 1);
    expect(other.monitor('p', 1)!.windowStates()).toEqual(engine.monitor('p', 1)!.windowStates());
  });
});
