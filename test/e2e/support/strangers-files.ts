// Files as a stranger has them: tables that fit, others that do not, and a disk that is full.

import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of a row. */
const atOf = (i: number) => `${new Date(Date.UTC(2024, 0, 1) + i * 1_800_000).toISOString().slice(0, 19)}Z`;

/** Loans that a larger amount makes bad, so that there is something to learn; numbered, in the order of their times. */
export function loans(head: string, rows: number, amountOf = (amount: number) => `${amount}`): string {
  const row = (_: unknown, i: number) => {
    const amount = 500 + ((i * 7_919) % 9_000);
    const bad = amount + ((i * 31) % 2_000) > 6_000 ? 'yes' : 'no';
    return `L${i},${atOf(i)},c${i % 50},${amountOf(amount)},${i % 3 ? 'car' : 'house'},${bad}`;
  };
  return `${[head, ...Array.from({ length: rows }, row)].join('\n')}\n`;
}
export const HEAD = 'loan,at,customer,amount,purpose,bad';

/** What became of the first rows of those. */
export function outcomes(rows: number): string {
  const row = (_: unknown, i: number) => `L${i},c${i},${atOf(i)},${i % 2}`;
  return `${['loan,customer,at,value', ...Array.from({ length: rows }, row)].join('\n')}\n`;
}

/** Into the folder of somebody who tries. */
export function writeStrangersFiles(folder: string): void {
  const tables = {
    'loans.csv': loans(HEAD, 600),
    'many.csv': loans(HEAD, 40_000),
    'renamed.csv': loans(HEAD.replace('amount', 'betrag'), 10),
    'words.csv': loans(HEAD, 20, () => 'viel'),
    'half.csv': `${loans(HEAD, 10)}L10,2024-03-01T00:00:00Z,c1,viel,car,no\nL11,gestern,c1,100,car,no\n`,
    'sensors.csv': 'ts;sensor;temp\r\n2025-01-01;s1;20,5\r\n',
    'empty.csv': '',
    'loans.ndjson': '{"amount":800,"purpose":"car"}\n{"amount":8000,"purpose":null}\n',
    'labels.csv': 'recordId,value,customer,at\nL1,maybe,c1,2024-01-01T01:00:00Z\n',
    'nobody.csv': 'recordId,value\nL1,true\n',
    'columns.csv': 'id,val\nL1,1\n',
    'head.csv': `${HEAD}`,
    'kinds.csv': `a,b,kind\n${Array.from({ length: 90 }, (_, i) => `${i % 17},${i % 23},${['red', 'green', 'blue'][i % 3]}`).join('\n')}\n`,
    'commas.csv': `hohe;late\n${Array.from({ length: 90 }, (_, i) => `${1 + (i % 9)},5;${i % 2 ? 'yes' : 'no'}`).join('\n')}\n`,
    'prices.csv': `rooms,size,price\n${Array.from({ length: 90 }, (_, i) => `${i % 7},${20 + ((i * 13) % 90)},${(1_000 + ((i * 371) % 9_000)) / 10}`).join('\n')}\n`,
    'bare.ndjson': Array.from({ length: 90 }, (_, i) => `{"pressure":${i % 11},"heat":${i % 7}}\n`).join(''),
    'bad.ndjson': '{"pressure":"high"}\n{"pressure":"low"}\n',
    'bare.csv': `pressure,heat\n${Array.from({ length: 90 }, (_, i) => `${((i * 37) % 101) / 10},${((i * 53) % 97) / 10}`).join('\n')}\n`,
  };
  for (const [name, text] of Object.entries(tables)) writeFileSync(join(folder, name), text);
  // A disk that is full.
  for (const name of ['full.csv', 'full.yaml']) symlinkSync('/dev/full', join(folder, name));
}
