// `npm run bench:router`: set-up, the peers' Python environments, then bench/router (arguments are passed on). Needs Go
// for ghz. `--without mlserver,pytriton` leaves peers out.
import { benchBesidePeers } from './bench-beside-peers.mjs';

await benchBesidePeers('dist/bench/router/main.js');
