"""Document exchange (IHE MHD) and who somebody is (Patient/$match, IHE PIXm), for partners who ask."""
