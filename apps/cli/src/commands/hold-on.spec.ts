import { expect, it } from '@jest/globals';
import type { ControlClient } from '../client/control.http.js';
import { addHold } from './hold-on.js';

const ID = `3f9c2a7b10de${'0'.repeat(52)}`;

it('asks for a hold on the whole id, whose beginning a listing shows; on none that is not listed', async () => {
  const asked: unknown[] = [];
  const control = {
    datasets: async () => [{ id: ID }],
    addHold: async (_project: string, body: unknown) => void asked.push(body),
  } as unknown as ControlClient;
  const why = { reason: 'case 7', by: 'ann' };
  await addHold(control, 'loans', { dataset: '3f9c2a7b10de', ...why });
  await addHold(control, 'loans', { model: 3, ...why });
  await expect(addHold(control, 'loans', { dataset: '3f9c2a7b10df', ...why })).rejects.toMatchObject({
    code: 'not_found',
  });
  expect(asked).toEqual([
    { dataset: ID, ...why },
    { model: 3, ...why },
  ]);
});
