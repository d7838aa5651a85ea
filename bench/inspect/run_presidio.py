# SPDX-License-Identifier: Apache-2.0
"""Presidio over rows, in a process of its own. Started by `compare.py`, in its environment.

Reads one JSON object from standard input (`texts`, `mode`, `entities`, `model`, `rounds`, `piece`),
writes one to standard output.

Modes: `installed` is `AnalyzerEngine()` with its default registry for English and no threshold.
`chosen` is set up for the rows: every recogniser that the package ships for the types asked for
(`entities`), also those that are off by default, for every row whatever its language; the phone
recogniser looks for the countries of the development data beside its own.

Without a language model the text is cut into words by spaCy's rules for English, and each word
stands for its lemma. So words of context raise scores as they do with a model; only names are not
looked for.
"""

import importlib.resources
import json
import logging
import sys

import meter

START = meter.cpu()

import spacy  # noqa: E402
import tldextract  # noqa: E402
import tldextract.tldextract  # noqa: E402
import yaml  # noqa: E402
from presidio_analyzer import AnalyzerEngine  # noqa: E402
from presidio_analyzer.nlp_engine import SlimSpacyNlpEngine, SpacyNlpEngine  # noqa: E402
from presidio_analyzer.predefined_recognizers import PhoneRecognizer, SpacyRecognizer  # noqa: E402
from presidio_analyzer.recognizer_registry import RecognizerRegistryProvider  # noqa: E402
from spacy.language import Language  # noqa: E402

# They need a model or a service of their own, and are off by default.
NOT_PATTERNS = {"BasicLangExtractRecognizer", "HuggingFaceNerRecognizer"}

# Countries of the development data that the phone recogniser does not look for by itself.
MORE_REGIONS = ("AU", "CH", "ES", "FI", "IT", "NL", "PL", "PT", "SE")


@Language.component("words_for_lemmas")
def words_for_lemmas(doc):
    for token in doc:
        token.lemma_ = token.text
    return doc


class Words(SlimSpacyNlpEngine):
    """Presidio's engine without names, over a pipeline that needs no model."""

    def load(self):
        self.nlp = {"en": spacy.blank("en")}
        self.nlp["en"].add_pipe("words_for_lemmas")


def engine(mode, entities, model):
    nlp = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": model}]) if model else Words()
    nlp.load()
    registry = registry_of(entities) if mode == "chosen" else (
        RecognizerRegistryProvider(registry_configuration={"supported_languages": ["en"]})
        .create_recognizer_registry()
    )
    if model:
        registry.add_nlp_recognizer(nlp_engine=nlp)
    else:
        # It would claim names and places, and never find one.
        registry.recognizers = [
            one for one in registry.recognizers if not isinstance(one, SpacyRecognizer)
        ]
    return AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en"])


def registry_of(entities):
    shipped = importlib.resources.files("presidio_analyzer").joinpath("conf/default_recognizers.yaml")
    configuration = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    chosen = []
    for one in configuration["recognizers"]:
        if one["name"] in NOT_PATTERNS:
            continue
        languages = one.get("supported_languages") or ["en"]
        english = [x for x in languages if isinstance(x, dict) and x["language"] == "en"]
        chosen.append({**one, "enabled": True, "supported_languages": english or ["en"]})
    registry = RecognizerRegistryProvider(
        registry_configuration={**configuration, "supported_languages": ["en"],
                                "recognizers": chosen}
    ).create_recognizer_registry()
    registry.recognizers = [
        one for one in registry.recognizers if set(one.supported_entities) & set(entities)
    ]
    for one in registry.recognizers:
        if isinstance(one, PhoneRecognizer) and one.supported_entities == ["PHONE_NUMBER"]:
            one.supported_regions = (*PhoneRecognizer.DEFAULT_SUPPORTED_REGIONS, *MORE_REGIONS)
    return registry


def main():
    job = json.load(sys.stdin)
    logging.disable(logging.WARNING)
    # The list of top-level domains that came with the package, instead of one from the network.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    analyzer = engine(job["mode"], job["entities"], job["model"])
    entities = job["entities"] if job["mode"] == "chosen" else None
    claims = set(analyzer.get_supported_entities(language="en"))
    if entities:
        entities = sorted(claims := claims & set(entities))

    def analyze(text):
        found = analyzer.analyze(text=text, language="en", entities=entities)
        return [[one.start, one.end, one.entity_type, round(one.score, 4)] for one in found]

    analyze("Warm up with one sentence.")
    start = meter.cpu() - START
    answers, cost = meter.measure(analyze, job["texts"], job["rounds"], job["piece"])
    json.dump({
        "answers": answers,
        "claims": sorted(claims),
        "recognizers": len(analyzer.registry.recognizers),
        "versions": meter.versions("presidio-analyzer", "spacy", "phonenumbers"),
        "cost": {**cost, "start_ms": start * 1e3, "rss_mib": meter.peak_mib()},
    }, sys.stdout)


main()
