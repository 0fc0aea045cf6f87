import type { Content, FileWords, ResourceOnTape } from '../document/content.ts';
import type { Node } from '../document/tape.ts';
import type { PdfReader } from './pdf-reader.ts';
import type { Upstream } from './upstream.ts';

/** A file that only a reader of its own can read. */
export interface StoredFile {
  /** The string that holds it. */
  readonly node: Node;
  readonly bytes: Uint8Array;
}

/**
 * The same FHIR server, but what it hands out says what the PDF files in it say: deciding is pure, so they are read before.
 * @param filesIn the files of one resource that are to be read
 */
export function readingFiles(
  upstream: Upstream,
  reader: PdfReader,
  filesIn: (resource: ResourceOnTape) => readonly StoredFile[],
): Upstream {
  type Received = Content<'undecided'>;
  const withFiles = async (content: Received, signal: AbortSignal | undefined): Promise<Received> => {
    const files = content.examine(filesIn);
    if (files.length === 0) return content;
    const words = new Map<Node, FileWords>();
    for (const { node, bytes } of files) words.set(node, await reader.read(bytes, signal));
    return content.withFiles(words);
  };
  return {
    ...upstream,
    get running() {
      return upstream.running;
    },
    async read(key, errand) {
      const content = await upstream.read(key, errand);
      return content === undefined ? undefined : withFiles(content, errand.signal);
    },
    async search(search, cursor, errand) {
      const page = await upstream.search(search, cursor, errand);
      return { ...page, contents: await Promise.all(page.contents.map((one) => withFiles(one, errand.signal))) };
    },
    async history(key, errand) {
      const versions = await upstream.history(key, errand);
      if (versions === undefined) return undefined;
      return Promise.all(
        versions.map(async ({ content }) => ({
          content: content === undefined ? undefined : await withFiles(content, errand.signal),
        })),
      );
    },
    async close() {
      await Promise.all([upstream.close(), reader.close()]);
    },
  };
}
