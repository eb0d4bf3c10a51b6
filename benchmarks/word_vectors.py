"""Vectors of the names of labels, for ``head.vectors``: ``python benchmarks/word_vectors.py DATA -o words.npz``.

They come from WordLlama's table of 32,000 pieces of words, 256 numbers each, which ``pip install wordllama`` (MIT
licence) brings, so that no gigabytes of GloVe have to be fetched. A name gets the mean of its pieces. All are made as
long as the vectors that polytag makes itself, and filled with zeros to as many numbers as heads expect.
"""

import argparse
from pathlib import Path

import numpy as np

from polytag.data.open import open_data
from polytag.labels.vectors import LENGTH

SIZE = 300  # numbers in a vector of GloVe, and the default of heads


def main() -> int:
    """Write the file, and print which names are most alike."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("-o", "--out", default="words.npz")
    args = parser.parse_args()
    try:
        import wordllama
    except ImportError:
        parser.error("WordLlama brings the words; pip install wordllama")
    names = open_data(args.data).labels.classes
    package = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=package, disable_download=True)
    words = np.asarray(model.embed([name.replace("_", " ").replace("-", " ") for name in names]), np.float64)
    words *= LENGTH / np.linalg.norm(words, axis=1, keepdims=True)
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    np.savez(args.out, names=np.array(names), vectors=np.pad(words, ((0, 0), (0, SIZE - words.shape[1]))))
    alike = words @ words.T / LENGTH**2 - 2 * np.eye(len(names))
    for one in np.argsort(-alike.max(axis=1))[:10]:
        two = alike[one].argmax()
        print(f"{names[one]}: most like {names[two]}, cosine {alike[one, two]:.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
