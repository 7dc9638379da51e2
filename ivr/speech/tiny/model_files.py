"""A model's folder as Vosk wants it: `am/final.mdl` in Kaldi's text form, `conf/`, `graph/`.

Sources: kaldi hmm/transition-model.cc, nnet3/nnet-nnet.cc, nnet3/am-nnet-simple.cc; vosk-api
src/model.cc (which files are read, and what their absence means).
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ivr.speech.tiny import fst, graph
from ivr.speech.tiny.espeak import Samples
from ivr.speech.tiny.features import BINS, CONFIGURATION
from ivr.speech.tiny.fst import Automaton
from ivr.speech.tiny.lexicon import SILENCE, Lexicon
from ivr.speech.tiny.network import CONTEXT, OFFSETS, Affine

DECODING = """\
--min-active=200
--max-active=3000
--beam=12.0
--lattice-beam=5.0
--acoustic-scale=0.8
--frame-subsampling-factor=3
--frames-per-chunk=21
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=0.75
--endpoint.rule4.min-trailing-silence=1.0
"""


def write(
    folder: Path, lexicon: Lexicon, affines: Sequence[Affine], priors: Samples, grammar: Automaton
) -> None:
    """Write a whole model that takes grammars at run time into an empty folder."""
    for part in ("am", "conf", "graph/phones"):
        (folder / part).mkdir(parents=True)
    (folder / "am/final.mdl").write_text("".join(_acoustics(lexicon, affines, priors)))
    (folder / "conf/mfcc.conf").write_text(CONFIGURATION)
    (folder / "conf/model.conf").write_text(DECODING)
    phones = {"<eps>": 0, **lexicon.phones}
    _lines(folder / "graph/words.txt", (f"{w} {n}" for w, n in lexicon.word_ids.items()))
    _lines(folder / "graph/phones.txt", (f"{p} {n}" for p, n in phones.items()))
    _lines(
        folder / "graph/phones/word_boundary.int",
        (f"{number} {kind}" for number, kind in lexicon.boundaries()),
    )
    ids = lexicon.word_ids
    said = {ids[word]: [lexicon.phone_ids(s) for s in ways] for word, ways in lexicon.words.items()}
    words = graph.any_words(said, lexicon.phones[SILENCE])
    (folder / "graph/HCLr.fst").write_bytes(fst.looking_ahead(words, len(ids) + 1))
    (folder / "graph/Gr.fst").write_bytes(fst.constant(grammar))
    _lines(folder / "graph/disambig_tid.int", [str(2 * len(lexicon.phones) + 1)])


def _lines(file: Path, lines: Iterable[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _acoustics(lexicon: Lexicon, affines: Sequence[Affine], priors: Samples) -> Iterable[str]:
    yield from _transitions(lexicon.class_of_phone())
    nodes = [f"input-node name=input dim={BINS}"]
    components: list[str] = []
    source = "input"
    for number, offsets in enumerate(OFFSETS, 1):
        name = f"tdnn{number}"
        spliced = ", ".join(f"Offset({source}, {at})" if at else source for at in offsets)
        nodes += [
            f"component-node name={name}.affine component={name}.affine input=Append({spliced})",
            f"component-node name={name}.relu component={name}.relu input={name}.affine",
        ]
        wide = len(affines[number - 1][1])
        components += [
            _affine(f"{name}.affine", affines[number - 1]),
            _plain(f"{name}.relu", "RectifiedLinearComponent", wide),
        ]
        source = f"{name}.relu"
    nodes += [
        f"component-node name=output.affine component=output.affine input={source}",
        "component-node name=output.log-softmax component=output.log-softmax input=output.affine",
        "output-node name=output input=output.log-softmax objective=linear",
    ]
    components += [
        _affine("output.affine", affines[-1]),
        _plain("output.log-softmax", "LogSoftmaxComponent", len(priors)),
    ]
    yield "<Nnet3> \n" + "\n".join(nodes) + "\n\n"  # Kaldi wants the blank before the newline
    yield f"<NumComponents> {len(components)}\n" + "".join(components) + "</Nnet3>\n"
    yield f"<LeftContext> {CONTEXT} <RightContext> {CONTEXT} <Priors> {_vector(priors)}"


def _transitions(classes: Sequence[int]) -> Iterable[str]:
    """One state a phone, which is as likely left as kept."""
    phones = range(1, len(classes))
    yield "<TransitionModel>\n<Topology>\n<TopologyEntry>\n<ForPhones>\n"
    yield " ".join(map(str, phones)) + "\n</ForPhones>\n"
    yield "<State> 0 <PdfClass> 0 <Transition> 0 0.5 <Transition> 1 0.5 </State>\n"
    yield "<State> 1 </State>\n</TopologyEntry>\n</Topology>\n"
    yield f"<Triples> {len(phones)}\n"
    yield "".join(f"{phone} 0 {classes[phone]}\n" for phone in phones) + "</Triples>\n"
    chances = [0.0] + [math.log(0.5)] * (2 * len(phones))
    yield f"<LogProbs>\n{_vector(np.array(chances))}</LogProbs>\n</TransitionModel>\n"


def _affine(name: str, affine: Affine) -> str:
    weights, bias = affine
    rows = "\n  ".join(_numbers(row) for row in weights)
    return (
        f"<ComponentName> {name} <AffineComponent> <LearningRate> 0.001 "
        f"<LinearParams>  [\n  {rows} ]\n<BiasParams> {_vector(bias)}</AffineComponent>\n"
    )


def _plain(name: str, kind: str, wide: int) -> str:
    """A component without weights; its statistics are empty."""
    return (
        f"<ComponentName> {name} <{kind}> <Dim> {wide} <ValueAvg>  [ ]\n<DerivAvg>  [ ]\n"
        "<Count> 0 <OderivRms>  [ ]\n<OderivCount> 0 <NumDimsSelfRepaired> 0 "
        f"<NumDimsProcessed> 0 </{kind}>\n"
    )


def _vector(values: Samples) -> str:
    return f" [ {_numbers(values)} ]\n"


def _numbers(values: Samples) -> str:
    return " ".join(f"{value:.6g}" for value in values)
