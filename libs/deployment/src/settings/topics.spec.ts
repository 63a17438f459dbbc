import { expect, it } from '@jest/globals';
import { readSettings } from './read-settings.js';
import { topicSettings, topicTerms } from './topics.js';

it('are terms of topics: what is not said is 0, and is left to the list of topics', () => {
  const { values } = readSettings(topicSettings, {
    MILLRACE_KAFKA_PARTITIONS: '12',
    MILLRACE_KAFKA_KEEP_EVENTS: '90d',
    MILLRACE_KAFKA_KEEP_RECORDS: '0',
  });
  expect(topicTerms(values)).toEqual({
    partitions: 12,
    keepMs: { records: 0, imports: 0, predictions: 0, deadLetters: 0, events: 90 * 86_400_000 },
  });
});

it.each([
  ['MILLRACE_KAFKA_PARTITIONS', '0'],
  ['MILLRACE_KAFKA_PARTITIONS', '100000'],
  ['MILLRACE_KAFKA_KEEP_RECORDS', '5m'],
  ['MILLRACE_KAFKA_KEEP_RECORDS', '-1'],
  ['MILLRACE_KAFKA_KEEP_PREDICTIONS', '11 years'],
])('are refused where they make no sense: %s=%s', (name, text) => {
  expect(readSettings(topicSettings, { [name]: text }).faults).toEqual([expect.stringContaining(name)]);
});
