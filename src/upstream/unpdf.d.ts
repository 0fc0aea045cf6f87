/** What is used of unpdf, which is PDF.js without what needs a browser; its own types need a browser's. */
declare module 'unpdf' {
  export interface Pdf {
    readonly numPages: number;
    readonly loadingTask: { destroy(): Promise<void> };
    getMetadata(): Promise<{
      readonly info: { readonly IsXFAPresent: boolean };
      readonly metadata: { getRaw(): string } | null;
    }>;
    getOutline(): Promise<unknown>;
    getAttachments(): Promise<unknown>;
    getFieldObjects(): Promise<unknown>;
    getJSActions(): Promise<unknown>;
    getPage(number: number): Promise<Page>;
  }

  export interface Page {
    getTextContent(): Promise<{ readonly items: readonly { readonly str?: string; readonly hasEOL?: boolean }[] }>;
    getStructTree(): Promise<unknown>;
    getAnnotations(): Promise<readonly Annotation[]>;
    cleanup(): void;
  }

  export interface Annotation {
    readonly subtype?: string;
    readonly hasAppearance?: boolean;
    /** Words of its appearance, where they are looked at. */
    readonly textContent?: readonly string[];
    /** Of a form field; null where it has none. */
    readonly fieldValue?: unknown;
  }

  export function getDocumentProxy(data: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Pdf>;
}
