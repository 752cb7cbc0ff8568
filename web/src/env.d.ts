/// <reference types="vite/client" />

// For tools that do not read Vue's files; vue-tsc does, and takes their own types.
declare module '*.vue' {
  import type { DefineComponent } from 'vue';
  const component: DefineComponent;
  export default component;
}
