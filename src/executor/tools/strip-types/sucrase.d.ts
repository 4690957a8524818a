// The parts of sucrase that strip.ts is made of; its own declarations stand elsewhere in the package.

declare module 'sucrase/dist/esm/HelperManager.js' {
  export * from 'sucrase/dist/types/HelperManager.js'
}
declare module 'sucrase/dist/esm/NameManager.js' {
  export { default } from 'sucrase/dist/types/NameManager.js'
}
declare module 'sucrase/dist/esm/TokenProcessor.js' {
  export { default } from 'sucrase/dist/types/TokenProcessor.js'
}
declare module 'sucrase/dist/esm/identifyShadowedGlobals.js' {
  export { default } from 'sucrase/dist/types/identifyShadowedGlobals.js'
}
declare module 'sucrase/dist/esm/parser/index.js' {
  export * from 'sucrase/dist/types/parser/index.js'
}
declare module 'sucrase/dist/esm/parser/tokenizer/types.js' {
  export * from 'sucrase/dist/types/parser/tokenizer/types.js'
}
declare module 'sucrase/dist/esm/transformers/RootTransformer.js' {
  export { default } from 'sucrase/dist/types/transformers/RootTransformer.js'
}
declare module 'sucrase/dist/esm/util/getTSImportedNames.js' {
  export { default } from 'sucrase/dist/types/util/getTSImportedNames.js'
}
