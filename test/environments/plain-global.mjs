// The jest environment of every spec: Node's, with a global object of V8's own. Jest puts a proxy behind the global
// object of its sandbox, and each `Math` or `Number` of a spec and of what it tests asks it anew: arithmetic took ten to
// thirty times as long as outside.
import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';

export default class PlainGlobal extends TestEnvironment {
  constructor(...args) {
    const { createContext } = vm;
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(...args);
    } finally {
      vm.createContext = createContext;
    }
  }
}
