// Which states of the dashboard are pictures of the documents, and where a picture goes: with DASHBOARD_SHOTS=FOLDER in
// the environment each state leaves one there.

import { join } from 'node:path';
import { environment } from '@millrace/config';

/** The pictures of the documents: state, width and scheme by their names there. */
export const PICTURES_FOLDER = 'docs/images';
export const PICTURES: Readonly<Record<string, string>> = {
  'alarms-1280-dark': 'dashboard.png',
  'alarms-1280-light': 'dashboard-alarms.png',
  'empty-390-light': 'dashboard-empty.png',
  'loop-asks-1280-light': 'dashboard-loop-asks.png',
  'loop-waits-390-light': 'dashboard-loop-waits-phone.png',
  'overview-1280-light': 'dashboard-overview.png',
  'rollout-in-steps-1280-light': 'dashboard-rollout.png',
  'too-few-rows-1280-light': 'dashboard-too-few-rows.png',
};

/** Where a picture of the case goes; undefined: there is none. */
export function pictureOf(name: string): string | undefined {
  const folder = environment().DASHBOARD_SHOTS;
  if (folder === undefined) return undefined;
  const file = folder === PICTURES_FOLDER ? PICTURES[name] : `${name}.png`;
  return file === undefined ? undefined : join(folder, file);
}
