-- Views of a run's audit for DuckDB 1.1 or newer; docs/audit.md says what each column means.
--
--     SET VARIABLE audit = '/research-audit';   -- left out: the folder where DuckDB was started
--     .read docs/views.sql                      -- from Python: connection.execute(text of this file)
--     FROM quarantined_by_reason;
--
-- Read are the files that run.json and earlier/RUN/run.json name, and no others: what a run that was killed left beside them
-- isn't part of any account. Neither codes nor digests are checked, but for the view changed_files. All views are of the present
-- run, but those that say so.

SET VARIABLE audit = coalesce(getvariable('audit'), '.');
SET VARIABLE audit_accounts = (
    SELECT list_concat([getvariable('audit') || '/run.json'], coalesce(list(file), []))
    FROM glob(getvariable('audit') || '/earlier/*/run.json')
);
CREATE OR REPLACE TEMP TABLE accounts AS
SELECT
    content ->> 'run_id' AS run_id,
    filename = getvariable('audit') || '/run.json' AS is_current,
    regexp_replace(filename, '/run\.json$', '') AS folder,
    CAST(content AS JSON) AS account
FROM read_text(getvariable('audit_accounts'))
-- one that was put aside as the next run was killed is here twice
QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY is_current DESC) = 1;

CREATE OR REPLACE TEMP TABLE audit_files AS
SELECT named.run_id, is_current, split_part(name, '-', 1) AS kind, folder || '/' || name AS filename, digest.value AS sha256
FROM (SELECT *, unnest(json_keys(account, '$.tables')) AS name FROM accounts) AS named LEFT JOIN (
    SELECT run_id, unnest(map_entries(CAST(account -> '$.table_digests' AS MAP(VARCHAR, VARCHAR)))) AS digest FROM accounts
) AS digests ON digests.run_id = named.run_id AND digest.key = name;

-- who names no file reads none; columns that an older version didn't write are null
CREATE OR REPLACE TEMP TABLE audit_sources AS
SELECT kind, is_current, 'SELECT * FROM read_parquet([' || string_agg('''' || replace(filename, '''', '''''') || '''', ', ')
    || '], union_by_name = true, filename = true)' AS source
FROM (FROM audit_files UNION ALL SELECT * REPLACE (NULL AS is_current) FROM audit_files)
GROUP BY ALL;
CREATE OR REPLACE TEMP MACRO source_of(wanted_kind, only_current) AS coalesce(
    (SELECT any_value(source) FROM audit_sources WHERE kind = wanted_kind AND is_current IS NOT DISTINCT FROM only_current),
    'SELECT NULL::VARCHAR AS filename WHERE false'
);
SET VARIABLE instances_now = source_of('instances', true);
SET VARIABLE instances_ever = source_of('instances', NULL);
SET VARIABLE gone_now = source_of('gone', true);
SET VARIABLE uid_map_now = source_of('uid_map', true);
SET VARIABLE references_now = source_of('references', true);

CREATE OR REPLACE TEMP TABLE no_instances (
    source_id VARCHAR, status VARCHAR, reason VARCHAR, reason_tag VARCHAR, notes VARCHAR[], sop_class_uid VARCHAR,
    transfer_syntax_uid VARCHAR, study_instance_uid VARCHAR, series_instance_uid VARCHAR, sop_instance_uid VARCHAR,
    output_name VARCHAR, size BIGINT, crc32c VARCHAR,
    actions STRUCT(path VARCHAR, keyword VARCHAR, "action" VARCHAR, count INTEGER)[],
    source_version VARCHAR, container_id VARCHAR, study_hash VARCHAR, instance_hash BLOB, pixel_risks VARCHAR[],
    profile_digest VARCHAR, key_id VARCHAR, version VARCHAR, written_in VARCHAR, input_id VARCHAR, modality VARCHAR,
    patient_id VARCHAR, source_size BIGINT, since VARCHAR, settings_digest VARCHAR
);
CREATE OR REPLACE TEMP TABLE no_uids (
    uid_hash BLOB, new_uid VARCHAR, role VARCHAR, owned BOOLEAN, owners BLOB[], users BLOB[], new_uid_hash BLOB
);
CREATE OR REPLACE TEMP TABLE no_references (
    uid_hash BLOB, new_uid VARCHAR, role VARCHAR, outside BOOLEAN, joins_patients BOOLEAN, study_hashes VARCHAR[]
);

-- names: written by `python -m tests.support.audit_names`; elsewhere `dicom-deid explain --attribute` tells them
-- <names>
CREATE OR REPLACE TEMP TABLE modalities AS FROM (VALUES
('ANN', 'Annotation'), ('AR', 'Autorefraction'), ('AS', 'Angioscopy'), ('ASMT', 'Content Assessment Results'), ('AU', 'Audio'),
('BDUS', 'Ultrasound Bone Densitometry'), ('BI', 'Biomagnetic Imaging'), ('BMD', 'Bone Densitometry (X-Ray)'),
('CD', 'Color Flow Doppler'), ('CF', 'Cinefluorography'), ('CFM', 'Confocal Microscopy'), ('CP', 'Colposcopy'),
('CR', 'Computed Radiography'), ('CS', 'Cystoscopy'), ('CT', 'Computed Tomography'), ('CTPROTOCOL', 'CT Protocol (Performed)'),
('DD', 'Duplex Doppler'), ('DF', 'Digital Fluoroscopy'), ('DG', 'Diaphanography'), ('DM', 'Digital Microscopy'),
('DMS', 'Dermoscopy'), ('DOC', 'Document'), ('DS', 'Digital Subtraction Angiography'), ('DX', 'Digital Radiography'),
('EC', 'Echocardiography'), ('ECG', 'Electrocardiography'), ('EEG', 'Electroencephalography'), ('EMG', 'Electromyography'),
('EOG', 'Electrooculography'), ('EPS', 'Cardiac Electrophysiology'), ('ES', 'Endoscopy'), ('FA', 'Fluorescein Angiography'),
('FID', 'Fiducials'), ('FS', 'Fundoscopy'), ('GM', 'General Microscopy'), ('HC', 'Hard Copy'), ('HD', 'Hemodynamic Waveform'),
('IO', 'Intra-Oral Radiography'), ('IOL', 'Intraocular Lens Data'), ('IVOCT', 'Intravascular Optical Coherence Tomography'),
('IVUS', 'Intravascular Ultrasound'), ('KER', 'Keratometry'), ('KO', 'Key Object Selection'), ('LEN', 'Lensometry'),
('LP', 'Laparoscopy'), ('LS', 'Laser Surface Scan'), ('M3D', 'Model for 3D Manufacturing'),
('MA', 'Magnetic Resonance Angiography'), ('MG', 'Mammography'), ('MR', 'Magnetic Resonance'),
('MS', 'Magnetic Resonance Spectroscopy'), ('NM', 'Nuclear Medicine'), ('OAM', 'Ophthalmic Axial Measurements'),
('OCT', 'Optical Coherence Tomography (non-Ophthalmic)'), ('OP', 'Ophthalmic Photography'), ('OPM', 'Ophthalmic Mapping'),
('OPR', 'Ophthalmic Refraction'), ('OPT', 'Ophthalmic Tomography'), ('OPTBSV', 'Ophthalmic Tomography B-scan Volume Analysis'),
('OPTENF', 'Ophthalmic Tomography En Face'), ('OPV', 'Ophthalmic Visual Field'), ('OSS', 'Optical Surface Scan'),
('OT', 'Other'), ('PA', 'Photoacoustic'), ('PLAN', 'Plan'), ('POS', 'Position Sensor'), ('PR', 'Presentation State'),
('PT', 'Positron Emission Tomography'), ('PX', 'Panoramic X-Ray'), ('REG', 'Registration'), ('RESP', 'Respiratory Waveform'),
('RF', 'Radio Fluoroscopy'), ('RG', 'Radiographic Imaging (Film/Screen)'), ('RTDOSE', 'RT Dose'), ('RTIMAGE', 'RT Image'),
('RTINTENT', 'RT Physician Intent'), ('RTPLAN', 'RT Plan'), ('RTRAD', 'RT Radiation'), ('RTRECORD', 'RT Treatment Record'),
('RTSEGANN', 'RT Segment Annotation'), ('RTSTRUCT', 'RT Structure Set'), ('RWV', 'Real World Value Map'),
('SEG', 'Segmentation'), ('SM', 'Slide Microscopy'), ('SMR', 'Stereometric Relationship'),
('SR', 'Structured Report Document'), ('SRF', 'Subjective Refraction'), ('ST', 'Single-Photon Emission Computed Tomography'),
('STAIN', 'Automated Slide Stainer'), ('TEXTUREMAP', 'Texture Map'), ('TG', 'Thermography'), ('US', 'Ultrasound'),
('VA', 'Visual Acuity'), ('VF', 'Videofluorography'), ('XA', 'X-Ray Angiography'), ('XAPROTOCOL', 'XA Protocol (Performed)'),
('XC', 'External-Camera Photography')
) AS named (code, name);
CREATE OR REPLACE TEMP TABLE sop_classes AS FROM (VALUES
('1.2.840.10008.1.20.1', 'StorageCommitmentPushModel'), ('1.2.840.10008.1.20.2', 'StorageCommitmentPullModel'),
('1.2.840.10008.1.3.10', 'MediaStorageDirectoryStorage'), ('1.2.840.10008.5.1.1.27', 'StoredPrintStorage'),
('1.2.840.10008.5.1.1.29', 'HardcopyGrayscaleImageStorage'), ('1.2.840.10008.5.1.1.30', 'HardcopyColorImageStorage'),
('1.2.840.10008.5.1.4.1.1.1', 'ComputedRadiographyImageStorage'),
('1.2.840.10008.5.1.4.1.1.1.1', 'DigitalXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.1.1.1', 'DigitalXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.1.2', 'DigitalMammographyXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.1.2.1', 'DigitalMammographyXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.1.3', 'DigitalIntraOralXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.1.3.1', 'DigitalIntraOralXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.10', 'StandaloneModalityLUTStorage'), ('1.2.840.10008.5.1.4.1.1.104.1', 'EncapsulatedPDFStorage'),
('1.2.840.10008.5.1.4.1.1.104.2', 'EncapsulatedCDAStorage'), ('1.2.840.10008.5.1.4.1.1.104.3', 'EncapsulatedSTLStorage'),
('1.2.840.10008.5.1.4.1.1.104.4', 'EncapsulatedOBJStorage'), ('1.2.840.10008.5.1.4.1.1.104.5', 'EncapsulatedMTLStorage'),
('1.2.840.10008.5.1.4.1.1.11', 'StandaloneVOILUTStorage'),
('1.2.840.10008.5.1.4.1.1.11.1', 'GrayscaleSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.10', 'SegmentedVolumeRenderingVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.11', 'MultipleVolumeRenderingVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.12', 'VariableModalityLUTSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.2', 'ColorSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.3', 'PseudoColorSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.4', 'BlendingSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.5', 'XAXRFGrayscaleSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.6', 'GrayscalePlanarMPRVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.7', 'CompositingPlanarMPRVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.8', 'AdvancedBlendingPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.9', 'VolumeRenderingVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.12.1', 'XRayAngiographicImageStorage'), ('1.2.840.10008.5.1.4.1.1.12.1.1', 'EnhancedXAImageStorage'),
('1.2.840.10008.5.1.4.1.1.12.2', 'XRayRadiofluoroscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.12.2.1', 'EnhancedXRFImageStorage'),
('1.2.840.10008.5.1.4.1.1.12.3', 'XRayAngiographicBiPlaneImageStorage'),
('1.2.840.10008.5.1.4.1.1.128', 'PositronEmissionTomographyImageStorage'),
('1.2.840.10008.5.1.4.1.1.128.1', 'LegacyConvertedEnhancedPETImageStorage'),
('1.2.840.10008.5.1.4.1.1.129', 'StandalonePETCurveStorage'),
('1.2.840.10008.5.1.4.1.1.13.1.1', 'XRay3DAngiographicImageStorage'),
('1.2.840.10008.5.1.4.1.1.13.1.2', 'XRay3DCraniofacialImageStorage'),
('1.2.840.10008.5.1.4.1.1.13.1.3', 'BreastTomosynthesisImageStorage'),
('1.2.840.10008.5.1.4.1.1.13.1.4', 'BreastProjectionXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.13.1.5', 'BreastProjectionXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.130', 'EnhancedPETImageStorage'), ('1.2.840.10008.5.1.4.1.1.131', 'BasicStructuredDisplayStorage'),
('1.2.840.10008.5.1.4.1.1.14.1', 'IntravascularOpticalCoherenceTomographyImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.14.2', 'IntravascularOpticalCoherenceTomographyImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.2', 'CTImageStorage'), ('1.2.840.10008.5.1.4.1.1.2.1', 'EnhancedCTImageStorage'),
('1.2.840.10008.5.1.4.1.1.2.2', 'LegacyConvertedEnhancedCTImageStorage'),
('1.2.840.10008.5.1.4.1.1.20', 'NuclearMedicineImageStorage'),
('1.2.840.10008.5.1.4.1.1.200.1', 'CTDefinedProcedureProtocolStorage'),
('1.2.840.10008.5.1.4.1.1.200.2', 'CTPerformedProcedureProtocolStorage'),
('1.2.840.10008.5.1.4.1.1.200.3', 'ProtocolApprovalStorage'),
('1.2.840.10008.5.1.4.1.1.200.7', 'XADefinedProcedureProtocolStorage'),
('1.2.840.10008.5.1.4.1.1.200.8', 'XAPerformedProcedureProtocolStorage'),
('1.2.840.10008.5.1.4.1.1.201.1', 'InventoryStorage'),
('1.2.840.10008.5.1.4.1.1.3', 'UltrasoundMultiFrameImageStorageRetired'),
('1.2.840.10008.5.1.4.1.1.3.1', 'UltrasoundMultiFrameImageStorage'), ('1.2.840.10008.5.1.4.1.1.30', 'ParametricMapStorage'),
('1.2.840.10008.5.1.4.1.1.4', 'MRImageStorage'), ('1.2.840.10008.5.1.4.1.1.4.1', 'EnhancedMRImageStorage'),
('1.2.840.10008.5.1.4.1.1.4.2', 'MRSpectroscopyStorage'), ('1.2.840.10008.5.1.4.1.1.4.3', 'EnhancedMRColorImageStorage'),
('1.2.840.10008.5.1.4.1.1.4.4', 'LegacyConvertedEnhancedMRImageStorage'), ('1.2.840.10008.5.1.4.1.1.481.1', 'RTImageStorage'),
('1.2.840.10008.5.1.4.1.1.481.10', 'RTPhysicianIntentStorage'),
('1.2.840.10008.5.1.4.1.1.481.11', 'RTSegmentAnnotationStorage'), ('1.2.840.10008.5.1.4.1.1.481.12', 'RTRadiationSetStorage'),
('1.2.840.10008.5.1.4.1.1.481.13', 'CArmPhotonElectronRadiationStorage'),
('1.2.840.10008.5.1.4.1.1.481.14', 'TomotherapeuticRadiationStorage'),
('1.2.840.10008.5.1.4.1.1.481.15', 'RoboticArmRadiationStorage'),
('1.2.840.10008.5.1.4.1.1.481.16', 'RTRadiationRecordSetStorage'),
('1.2.840.10008.5.1.4.1.1.481.17', 'RTRadiationSalvageRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.18', 'TomotherapeuticRadiationRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.19', 'CArmPhotonElectronRadiationRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.2', 'RTDoseStorage'), ('1.2.840.10008.5.1.4.1.1.481.20', 'RoboticRadiationRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.21', 'RTRadiationSetDeliveryInstructionStorage'),
('1.2.840.10008.5.1.4.1.1.481.22', 'RTTreatmentPreparationStorage'),
('1.2.840.10008.5.1.4.1.1.481.23', 'EnhancedRTImageStorage'),
('1.2.840.10008.5.1.4.1.1.481.24', 'EnhancedContinuousRTImageStorage'),
('1.2.840.10008.5.1.4.1.1.481.25', 'RTPatientPositionAcquisitionInstructionStorage'),
('1.2.840.10008.5.1.4.1.1.481.3', 'RTStructureSetStorage'), ('1.2.840.10008.5.1.4.1.1.481.4', 'RTBeamsTreatmentRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.5', 'RTPlanStorage'), ('1.2.840.10008.5.1.4.1.1.481.6', 'RTBrachyTreatmentRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.7', 'RTTreatmentSummaryRecordStorage'), ('1.2.840.10008.5.1.4.1.1.481.8', 'RTIonPlanStorage'),
('1.2.840.10008.5.1.4.1.1.481.9', 'RTIonBeamsTreatmentRecordStorage'),
('1.2.840.10008.5.1.4.1.1.5', 'NuclearMedicineImageStorageRetired'), ('1.2.840.10008.5.1.4.1.1.501.1', 'DICOSCTImageStorage'),
('1.2.840.10008.5.1.4.1.1.501.2.1', 'DICOSDigitalXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.501.2.2', 'DICOSDigitalXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.501.3', 'DICOSThreatDetectionReportStorage'), ('1.2.840.10008.5.1.4.1.1.501.4', 'DICOS2DAITStorage'),
('1.2.840.10008.5.1.4.1.1.501.5', 'DICOS3DAITStorage'), ('1.2.840.10008.5.1.4.1.1.501.6', 'DICOSQuadrupoleResonanceStorage'),
('1.2.840.10008.5.1.4.1.1.6', 'UltrasoundImageStorageRetired'), ('1.2.840.10008.5.1.4.1.1.6.1', 'UltrasoundImageStorage'),
('1.2.840.10008.5.1.4.1.1.6.2', 'EnhancedUSVolumeStorage'), ('1.2.840.10008.5.1.4.1.1.6.3', 'PhotoacousticImageStorage'),
('1.2.840.10008.5.1.4.1.1.601.1', 'EddyCurrentImageStorage'),
('1.2.840.10008.5.1.4.1.1.601.2', 'EddyCurrentMultiFrameImageStorage'), ('1.2.840.10008.5.1.4.1.1.66', 'RawDataStorage'),
('1.2.840.10008.5.1.4.1.1.66.1', 'SpatialRegistrationStorage'), ('1.2.840.10008.5.1.4.1.1.66.2', 'SpatialFiducialsStorage'),
('1.2.840.10008.5.1.4.1.1.66.3', 'DeformableSpatialRegistrationStorage'),
('1.2.840.10008.5.1.4.1.1.66.4', 'SegmentationStorage'), ('1.2.840.10008.5.1.4.1.1.66.5', 'SurfaceSegmentationStorage'),
('1.2.840.10008.5.1.4.1.1.66.6', 'TractographyResultsStorage'), ('1.2.840.10008.5.1.4.1.1.67', 'RealWorldValueMappingStorage'),
('1.2.840.10008.5.1.4.1.1.68.1', 'SurfaceScanMeshStorage'), ('1.2.840.10008.5.1.4.1.1.68.2', 'SurfaceScanPointCloudStorage'),
('1.2.840.10008.5.1.4.1.1.7', 'SecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.7.1', 'MultiFrameSingleBitSecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.7.2', 'MultiFrameGrayscaleByteSecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.7.3', 'MultiFrameGrayscaleWordSecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.7.4', 'MultiFrameTrueColorSecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1', 'VLImageStorageTrial'), ('1.2.840.10008.5.1.4.1.1.77.1.1', 'VLEndoscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.1.1', 'VideoEndoscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.2', 'VLMicroscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.2.1', 'VideoMicroscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.3', 'VLSlideCoordinatesMicroscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.4', 'VLPhotographicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.4.1', 'VideoPhotographicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.1', 'OphthalmicPhotography8BitImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.2', 'OphthalmicPhotography16BitImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.3', 'StereometricRelationshipStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.4', 'OphthalmicTomographyImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.5', 'WideFieldOphthalmicPhotographyStereographicProjectionImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.6', 'WideFieldOphthalmicPhotography3DCoordinatesImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.7', 'OphthalmicOpticalCoherenceTomographyEnFaceImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.8', 'OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.6', 'VLWholeSlideMicroscopyImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.7', 'DermoscopicPhotographyImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.8', 'ConfocalMicroscopyImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.9', 'ConfocalMicroscopyTiledPyramidalImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.2', 'VLMultiFrameImageStorageTrial'),
('1.2.840.10008.5.1.4.1.1.78.1', 'LensometryMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.2', 'AutorefractionMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.3', 'KeratometryMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.4', 'SubjectiveRefractionMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.5', 'VisualAcuityMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.6', 'SpectaclePrescriptionReportStorage'),
('1.2.840.10008.5.1.4.1.1.78.7', 'OphthalmicAxialMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.8', 'IntraocularLensCalculationsStorage'),
('1.2.840.10008.5.1.4.1.1.79.1', 'MacularGridThicknessAndVolumeReportStorage'),
('1.2.840.10008.5.1.4.1.1.8', 'StandaloneOverlayStorage'),
('1.2.840.10008.5.1.4.1.1.80.1', 'OphthalmicVisualFieldStaticPerimetryMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.81.1', 'OphthalmicThicknessMapStorage'),
('1.2.840.10008.5.1.4.1.1.82.1', 'CornealTopographyMapStorage'), ('1.2.840.10008.5.1.4.1.1.88.1', 'TextSRStorageTrial'),
('1.2.840.10008.5.1.4.1.1.88.11', 'BasicTextSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.2', 'AudioSRStorageTrial'),
('1.2.840.10008.5.1.4.1.1.88.22', 'EnhancedSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.3', 'DetailSRStorageTrial'),
('1.2.840.10008.5.1.4.1.1.88.33', 'ComprehensiveSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.34', 'Comprehensive3DSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.35', 'ExtensibleSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.4', 'ComprehensiveSRStorageTrial'),
('1.2.840.10008.5.1.4.1.1.88.40', 'ProcedureLogStorage'), ('1.2.840.10008.5.1.4.1.1.88.50', 'MammographyCADSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.59', 'KeyObjectSelectionDocumentStorage'), ('1.2.840.10008.5.1.4.1.1.88.65', 'ChestCADSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.67', 'XRayRadiationDoseSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.68', 'RadiopharmaceuticalRadiationDoseSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.69', 'ColonCADSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.70', 'ImplantationPlanSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.71', 'AcquisitionContextSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.72', 'SimplifiedAdultEchoSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.73', 'PatientRadiationDoseSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.74', 'PlannedImagingAgentAdministrationSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.75', 'PerformedImagingAgentAdministrationSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.76', 'EnhancedXRayRadiationDoseSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.77', 'WaveformAnnotationSRStorage'), ('1.2.840.10008.5.1.4.1.1.9', 'StandaloneCurveStorage'),
('1.2.840.10008.5.1.4.1.1.9.1', 'WaveformStorageTrial'), ('1.2.840.10008.5.1.4.1.1.9.1.1', 'TwelveLeadECGWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.1.2', 'GeneralECGWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.1.3', 'AmbulatoryECGWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.1.4', 'General32bitECGWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.2.1', 'HemodynamicWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.3.1', 'CardiacElectrophysiologyWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.4.1', 'BasicVoiceAudioWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.4.2', 'GeneralAudioWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.5.1', 'ArterialPulseWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.6.1', 'RespiratoryWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.6.2', 'MultichannelRespiratoryWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.7.1', 'RoutineScalpElectroencephalogramWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.7.2', 'ElectromyogramWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.7.3', 'ElectrooculogramWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.7.4', 'SleepElectroencephalogramWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.8.1', 'BodyPositionWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.90.1', 'ContentAssessmentResultsStorage'),
('1.2.840.10008.5.1.4.1.1.91.1', 'MicroscopyBulkSimpleAnnotationsStorage'),
('1.2.840.10008.5.1.4.34.1', 'RTBeamsDeliveryInstructionStorageTrial'),
('1.2.840.10008.5.1.4.34.10', 'RTBrachyApplicationSetupDeliveryInstructionStorage'),
('1.2.840.10008.5.1.4.34.7', 'RTBeamsDeliveryInstructionStorage'), ('1.2.840.10008.5.1.4.38.1', 'HangingProtocolStorage'),
('1.2.840.10008.5.1.4.39.1', 'ColorPaletteStorage'), ('1.2.840.10008.5.1.4.43.1', 'GenericImplantTemplateStorage'),
('1.2.840.10008.5.1.4.44.1', 'ImplantAssemblyTemplateStorage'), ('1.2.840.10008.5.1.4.45.1', 'ImplantTemplateGroupStorage')
) AS named (uid, name);
CREATE OR REPLACE TEMP TABLE attribute_names AS FROM (VALUES
('(0002,0000)', 'FileMetaInformationGroupLength'), ('(0002,0001)', 'FileMetaInformationVersion'),
('(0002,0002)', 'MediaStorageSOPClassUID'), ('(0002,0003)', 'MediaStorageSOPInstanceUID'),
('(0002,0010)', 'TransferSyntaxUID'), ('(0002,0012)', 'ImplementationClassUID'), ('(0002,0013)', 'ImplementationVersionName'),
('(0002,0016)', 'SourceApplicationEntityTitle'), ('(0002,0017)', 'SendingApplicationEntityTitle'),
('(0002,0018)', 'ReceivingApplicationEntityTitle'), ('(0002,0026)', 'SourcePresentationAddress'),
('(0002,0027)', 'SendingPresentationAddress'), ('(0002,0028)', 'ReceivingPresentationAddress'),
('(0002,0031)', 'RTVMetaInformationVersion'), ('(0002,0032)', 'RTVCommunicationSOPClassUID'),
('(0002,0033)', 'RTVCommunicationSOPInstanceUID'), ('(0002,0035)', 'RTVSourceIdentifier'),
('(0002,0036)', 'RTVFlowIdentifier'), ('(0002,0037)', 'RTVFlowRTPSamplingRate'), ('(0002,0038)', 'RTVFlowActualFrameDuration'),
('(0002,0100)', 'PrivateInformationCreatorUID'), ('(0002,0102)', 'PrivateInformation'), ('(0008,0001)', 'LengthToEnd'),
('(0008,0005)', 'SpecificCharacterSet'), ('(0008,0006)', 'LanguageCodeSequence'), ('(0008,0008)', 'ImageType'),
('(0008,0010)', 'RecognitionCode'), ('(0008,0012)', 'InstanceCreationDate'), ('(0008,0013)', 'InstanceCreationTime'),
('(0008,0014)', 'InstanceCreatorUID'), ('(0008,0015)', 'InstanceCoercionDateTime'), ('(0008,0016)', 'SOPClassUID'),
('(0008,0017)', 'AcquisitionUID'), ('(0008,0018)', 'SOPInstanceUID'), ('(0008,0019)', 'PyramidUID'),
('(0008,001a)', 'RelatedGeneralSOPClassUID'), ('(0008,001b)', 'OriginalSpecializedSOPClassUID'),
('(0008,001c)', 'SyntheticData'), ('(0008,0020)', 'StudyDate'), ('(0008,0021)', 'SeriesDate'),
('(0008,0022)', 'AcquisitionDate'), ('(0008,0023)', 'ContentDate'), ('(0008,0024)', 'OverlayDate'),
('(0008,0025)', 'CurveDate'), ('(0008,002a)', 'AcquisitionDateTime'), ('(0008,0030)', 'StudyTime'),
('(0008,0031)', 'SeriesTime'), ('(0008,0032)', 'AcquisitionTime'), ('(0008,0033)', 'ContentTime'),
('(0008,0034)', 'OverlayTime'), ('(0008,0035)', 'CurveTime'), ('(0008,0040)', 'DataSetType'),
('(0008,0041)', 'DataSetSubtype'), ('(0008,0042)', 'NuclearMedicineSeriesType'), ('(0008,0050)', 'AccessionNumber'),
('(0008,0051)', 'IssuerOfAccessionNumberSequence'), ('(0008,0052)', 'QueryRetrieveLevel'),
('(0008,0053)', 'QueryRetrieveView'), ('(0008,0054)', 'RetrieveAETitle'), ('(0008,0055)', 'StationAETitle'),
('(0008,0056)', 'InstanceAvailability'), ('(0008,0058)', 'FailedSOPInstanceUIDList'), ('(0008,0060)', 'Modality'),
('(0008,0061)', 'ModalitiesInStudy'), ('(0008,0062)', 'SOPClassesInStudy'),
('(0008,0063)', 'AnatomicRegionsInStudyCodeSequence'), ('(0008,0064)', 'ConversionType'),
('(0008,0068)', 'PresentationIntentType'), ('(0008,0070)', 'Manufacturer'), ('(0008,0080)', 'InstitutionName'),
('(0008,0081)', 'InstitutionAddress'), ('(0008,0082)', 'InstitutionCodeSequence'), ('(0008,0090)', 'ReferringPhysicianName'),
('(0008,0092)', 'ReferringPhysicianAddress'), ('(0008,0094)', 'ReferringPhysicianTelephoneNumbers'),
('(0008,0096)', 'ReferringPhysicianIdentificationSequence'), ('(0008,009c)', 'ConsultingPhysicianName'),
('(0008,009d)', 'ConsultingPhysicianIdentificationSequence'), ('(0008,0100)', 'CodeValue'),
('(0008,0101)', 'ExtendedCodeValue'), ('(0008,0102)', 'CodingSchemeDesignator'), ('(0008,0103)', 'CodingSchemeVersion'),
('(0008,0104)', 'CodeMeaning'), ('(0008,0105)', 'MappingResource'), ('(0008,0106)', 'ContextGroupVersion'),
('(0008,0107)', 'ContextGroupLocalVersion'), ('(0008,0108)', 'ExtendedCodeMeaning'),
('(0008,0109)', 'CodingSchemeResourcesSequence'), ('(0008,010a)', 'CodingSchemeURLType'),
('(0008,010b)', 'ContextGroupExtensionFlag'), ('(0008,010c)', 'CodingSchemeUID'),
('(0008,010d)', 'ContextGroupExtensionCreatorUID'), ('(0008,010e)', 'CodingSchemeURL'), ('(0008,010f)', 'ContextIdentifier'),
('(0008,0110)', 'CodingSchemeIdentificationSequence'), ('(0008,0112)', 'CodingSchemeRegistry'),
('(0008,0114)', 'CodingSchemeExternalID'), ('(0008,0115)', 'CodingSchemeName'),
('(0008,0116)', 'CodingSchemeResponsibleOrganization'), ('(0008,0117)', 'ContextUID'), ('(0008,0118)', 'MappingResourceUID'),
('(0008,0119)', 'LongCodeValue'), ('(0008,0120)', 'URNCodeValue'), ('(0008,0121)', 'EquivalentCodeSequence'),
('(0008,0122)', 'MappingResourceName'), ('(0008,0123)', 'ContextGroupIdentificationSequence'),
('(0008,0124)', 'MappingResourceIdentificationSequence'), ('(0008,0201)', 'TimezoneOffsetFromUTC'), ('(0008,0202)', ''),
('(0008,0220)', 'ResponsibleGroupCodeSequence'), ('(0008,0221)', 'EquipmentModality'),
('(0008,0222)', 'ManufacturerRelatedModelGroup'), ('(0008,0300)', 'PrivateDataElementCharacteristicsSequence'),
('(0008,0301)', 'PrivateGroupReference'), ('(0008,0302)', 'PrivateCreatorReference'),
('(0008,0303)', 'BlockIdentifyingInformationStatus'), ('(0008,0304)', 'NonidentifyingPrivateElements'),
('(0008,0305)', 'DeidentificationActionSequence'), ('(0008,0306)', 'IdentifyingPrivateElements'),
('(0008,0307)', 'DeidentificationAction'), ('(0008,0308)', 'PrivateDataElement'),
('(0008,0309)', 'PrivateDataElementValueMultiplicity'), ('(0008,030a)', 'PrivateDataElementValueRepresentation'),
('(0008,030b)', 'PrivateDataElementNumberOfItems'), ('(0008,030c)', 'PrivateDataElementName'),
('(0008,030d)', 'PrivateDataElementKeyword'), ('(0008,030e)', 'PrivateDataElementDescription'),
('(0008,030f)', 'PrivateDataElementEncoding'), ('(0008,0310)', 'PrivateDataElementDefinitionSequence'),
('(0008,0400)', 'ScopeOfInventorySequence'), ('(0008,0401)', 'InventoryPurpose'),
('(0008,0402)', 'InventoryInstanceDescription'), ('(0008,0403)', 'InventoryLevel'), ('(0008,0404)', 'ItemInventoryDateTime'),
('(0008,0405)', 'RemovedFromOperationalUse'), ('(0008,0406)', 'ReasonForRemovalCodeSequence'),
('(0008,0407)', 'StoredInstanceBaseURI'), ('(0008,0408)', 'FolderAccessURI'), ('(0008,0409)', 'FileAccessURI'),
('(0008,040a)', 'ContainerFileType'), ('(0008,040b)', 'FilenameInContainer'), ('(0008,040c)', 'FileOffsetInContainer'),
('(0008,040d)', 'FileLengthInContainer'), ('(0008,040e)', 'StoredInstanceTransferSyntaxUID'),
('(0008,040f)', 'ExtendedMatchingMechanisms'), ('(0008,0410)', 'RangeMatchingSequence'),
('(0008,0411)', 'ListOfUIDMatchingSequence'), ('(0008,0412)', 'EmptyValueMatchingSequence'),
('(0008,0413)', 'GeneralMatchingSequence'), ('(0008,0414)', 'RequestedStatusInterval'), ('(0008,0415)', 'RetainInstances'),
('(0008,0416)', 'ExpirationDateTime'), ('(0008,0417)', 'TransactionStatus'), ('(0008,0418)', 'TransactionStatusComment'),
('(0008,0419)', 'FileSetAccessSequence'), ('(0008,041a)', 'FileAccessSequence'), ('(0008,041b)', 'RecordKey'),
('(0008,041c)', 'PriorRecordKey'), ('(0008,041d)', 'MetadataSequence'), ('(0008,041e)', 'UpdatedMetadataSequence'),
('(0008,041f)', 'StudyUpdateDateTime'), ('(0008,0420)', 'InventoryAccessEndPointsSequence'),
('(0008,0421)', 'StudyAccessEndPointsSequence'), ('(0008,0422)', 'IncorporatedInventoryInstanceSequence'),
('(0008,0423)', 'InventoriedStudiesSequence'), ('(0008,0424)', 'InventoriedSeriesSequence'),
('(0008,0425)', 'InventoriedInstancesSequence'), ('(0008,0426)', 'InventoryCompletionStatus'),
('(0008,0427)', 'NumberOfStudyRecordsInInstance'), ('(0008,0428)', 'TotalNumberOfStudyRecords'),
('(0008,0429)', 'MaximumNumberOfRecords'), ('(0008,1000)', 'NetworkID'), ('(0008,1010)', 'StationName'),
('(0008,1030)', 'StudyDescription'), ('(0008,1032)', 'ProcedureCodeSequence'), ('(0008,103e)', 'SeriesDescription'),
('(0008,103f)', 'SeriesDescriptionCodeSequence'), ('(0008,1040)', 'InstitutionalDepartmentName'),
('(0008,1041)', 'InstitutionalDepartmentTypeCodeSequence'), ('(0008,1048)', 'PhysiciansOfRecord'),
('(0008,1049)', 'PhysiciansOfRecordIdentificationSequence'), ('(0008,1050)', 'PerformingPhysicianName'),
('(0008,1052)', 'PerformingPhysicianIdentificationSequence'), ('(0008,1060)', 'NameOfPhysiciansReadingStudy'),
('(0008,1062)', 'PhysiciansReadingStudyIdentificationSequence'), ('(0008,1070)', 'OperatorsName'),
('(0008,1072)', 'OperatorIdentificationSequence'), ('(0008,1080)', 'AdmittingDiagnosesDescription'),
('(0008,1084)', 'AdmittingDiagnosesCodeSequence'), ('(0008,1088)', 'PyramidDescription'),
('(0008,1090)', 'ManufacturerModelName'), ('(0008,1100)', 'ReferencedResultsSequence'),
('(0008,1110)', 'ReferencedStudySequence'), ('(0008,1111)', 'ReferencedPerformedProcedureStepSequence'),
('(0008,1112)', 'ReferencedInstancesBySOPClassSequence'), ('(0008,1115)', 'ReferencedSeriesSequence'),
('(0008,1120)', 'ReferencedPatientSequence'), ('(0008,1125)', 'ReferencedVisitSequence'),
('(0008,1130)', 'ReferencedOverlaySequence'), ('(0008,1134)', 'ReferencedStereometricInstanceSequence'),
('(0008,113a)', 'ReferencedWaveformSequence'), ('(0008,1140)', 'ReferencedImageSequence'),
('(0008,1145)', 'ReferencedCurveSequence'), ('(0008,114a)', 'ReferencedInstanceSequence'),
('(0008,114b)', 'ReferencedRealWorldValueMappingInstanceSequence'), ('(0008,1150)', 'ReferencedSOPClassUID'),
('(0008,1155)', 'ReferencedSOPInstanceUID'), ('(0008,1156)', 'DefinitionSourceSequence'),
('(0008,115a)', 'SOPClassesSupported'), ('(0008,1160)', 'ReferencedFrameNumber'), ('(0008,1161)', 'SimpleFrameList'),
('(0008,1162)', 'CalculatedFrameList'), ('(0008,1163)', 'TimeRange'), ('(0008,1164)', 'FrameExtractionSequence'),
('(0008,1167)', 'MultiFrameSourceSOPInstanceUID'), ('(0008,1190)', 'RetrieveURL'), ('(0008,1195)', 'TransactionUID'),
('(0008,1196)', 'WarningReason'), ('(0008,1197)', 'FailureReason'), ('(0008,1198)', 'FailedSOPSequence'),
('(0008,1199)', 'ReferencedSOPSequence'), ('(0008,119a)', 'OtherFailuresSequence'), ('(0008,119b)', 'FailedStudySequence'),
('(0008,1200)', 'StudiesContainingOtherReferencedInstancesSequence'), ('(0008,1250)', 'RelatedSeriesSequence'),
('(0008,2110)', 'LossyImageCompressionRetired'), ('(0008,2111)', 'DerivationDescription'),
('(0008,2112)', 'SourceImageSequence'), ('(0008,2120)', 'StageName'), ('(0008,2122)', 'StageNumber'),
('(0008,2124)', 'NumberOfStages'), ('(0008,2127)', 'ViewName'), ('(0008,2128)', 'ViewNumber'),
('(0008,2129)', 'NumberOfEventTimers'), ('(0008,212a)', 'NumberOfViewsInStage'), ('(0008,2130)', 'EventElapsedTimes'),
('(0008,2132)', 'EventTimerNames'), ('(0008,2133)', 'EventTimerSequence'), ('(0008,2134)', 'EventTimeOffset'),
('(0008,2135)', 'EventCodeSequence'), ('(0008,2142)', 'StartTrim'), ('(0008,2143)', 'StopTrim'),
('(0008,2144)', 'RecommendedDisplayFrameRate'), ('(0008,2200)', 'TransducerPosition'),
('(0008,2204)', 'TransducerOrientation'), ('(0008,2208)', 'AnatomicStructure'), ('(0008,2218)', 'AnatomicRegionSequence'),
('(0008,2220)', 'AnatomicRegionModifierSequence'), ('(0008,2228)', 'PrimaryAnatomicStructureSequence'),
('(0008,2229)', 'AnatomicStructureSpaceOrRegionSequence'), ('(0008,2230)', 'PrimaryAnatomicStructureModifierSequence'),
('(0008,2240)', 'TransducerPositionSequence'), ('(0008,2242)', 'TransducerPositionModifierSequence'),
('(0008,2244)', 'TransducerOrientationSequence'), ('(0008,2246)', 'TransducerOrientationModifierSequence'),
('(0008,2251)', 'AnatomicStructureSpaceOrRegionCodeSequenceTrial'),
('(0008,2253)', 'AnatomicPortalOfEntranceCodeSequenceTrial'), ('(0008,2255)', 'AnatomicApproachDirectionCodeSequenceTrial'),
('(0008,2256)', 'AnatomicPerspectiveDescriptionTrial'), ('(0008,2257)', 'AnatomicPerspectiveCodeSequenceTrial'),
('(0008,2258)', 'AnatomicLocationOfExaminingInstrumentDescriptionTrial'),
('(0008,2259)', 'AnatomicLocationOfExaminingInstrumentCodeSequenceTrial'),
('(0008,225a)', 'AnatomicStructureSpaceOrRegionModifierCodeSequenceTrial'),
('(0008,225c)', 'OnAxisBackgroundAnatomicStructureCodeSequenceTrial'), ('(0008,3001)', 'AlternateRepresentationSequence'),
('(0008,3002)', 'AvailableTransferSyntaxUID'), ('(0008,3010)', 'IrradiationEventUID'),
('(0008,3011)', 'SourceIrradiationEventSequence'), ('(0008,3012)', 'RadiopharmaceuticalAdministrationEventUID'),
('(0008,4000)', 'IdentifyingComments'), ('(0008,9007)', 'FrameType'), ('(0008,9092)', 'ReferencedImageEvidenceSequence'),
('(0008,9121)', 'ReferencedRawDataSequence'), ('(0008,9123)', 'CreatorVersionUID'), ('(0008,9124)', 'DerivationImageSequence'),
('(0008,9154)', 'SourceImageEvidenceSequence'), ('(0008,9205)', 'PixelPresentation'), ('(0008,9206)', 'VolumetricProperties'),
('(0008,9207)', 'VolumeBasedCalculationTechnique'), ('(0008,9208)', 'ComplexImageComponent'),
('(0008,9209)', 'AcquisitionContrast'), ('(0008,9215)', 'DerivationCodeSequence'),
('(0008,9237)', 'ReferencedPresentationStateSequence'), ('(0008,9410)', 'ReferencedOtherPlaneSequence'),
('(0008,9458)', 'FrameDisplaySequence'), ('(0008,9459)', 'RecommendedDisplayFrameRateInFloat'),
('(0008,9460)', 'SkipFrameRangeFlag'), ('(0010,0010)', 'PatientName'), ('(0010,0020)', 'PatientID'),
('(0010,0021)', 'IssuerOfPatientID'), ('(0010,0022)', 'TypeOfPatientID'),
('(0010,0024)', 'IssuerOfPatientIDQualifiersSequence'), ('(0010,0026)', 'SourcePatientGroupIdentificationSequence'),
('(0010,0027)', 'GroupOfPatientsIdentificationSequence'), ('(0010,0028)', 'SubjectRelativePositionInImage'),
('(0010,0030)', 'PatientBirthDate'), ('(0010,0032)', 'PatientBirthTime'),
('(0010,0033)', 'PatientBirthDateInAlternativeCalendar'), ('(0010,0034)', 'PatientDeathDateInAlternativeCalendar'),
('(0010,0035)', 'PatientAlternativeCalendar'), ('(0010,0040)', 'PatientSex'),
('(0010,0050)', 'PatientInsurancePlanCodeSequence'), ('(0010,0101)', 'PatientPrimaryLanguageCodeSequence'),
('(0010,0102)', 'PatientPrimaryLanguageModifierCodeSequence'), ('(0010,0200)', 'QualityControlSubject'),
('(0010,0201)', 'QualityControlSubjectTypeCodeSequence'), ('(0010,0212)', 'StrainDescription'),
('(0010,0213)', 'StrainNomenclature'), ('(0010,0214)', 'StrainStockNumber'),
('(0010,0215)', 'StrainSourceRegistryCodeSequence'), ('(0010,0216)', 'StrainStockSequence'), ('(0010,0217)', 'StrainSource'),
('(0010,0218)', 'StrainAdditionalInformation'), ('(0010,0219)', 'StrainCodeSequence'),
('(0010,0221)', 'GeneticModificationsSequence'), ('(0010,0222)', 'GeneticModificationsDescription'),
('(0010,0223)', 'GeneticModificationsNomenclature'), ('(0010,0229)', 'GeneticModificationsCodeSequence'),
('(0010,1000)', 'OtherPatientIDs'), ('(0010,1001)', 'OtherPatientNames'), ('(0010,1002)', 'OtherPatientIDsSequence'),
('(0010,1005)', 'PatientBirthName'), ('(0010,1010)', 'PatientAge'), ('(0010,1020)', 'PatientSize'),
('(0010,1021)', 'PatientSizeCodeSequence'), ('(0010,1022)', 'PatientBodyMassIndex'), ('(0010,1023)', 'MeasuredAPDimension'),
('(0010,1024)', 'MeasuredLateralDimension'), ('(0010,1030)', 'PatientWeight'), ('(0010,1040)', 'PatientAddress'),
('(0010,1050)', 'InsurancePlanIdentification'), ('(0010,1060)', 'PatientMotherBirthName'), ('(0010,1080)', 'MilitaryRank'),
('(0010,1081)', 'BranchOfService'), ('(0010,1090)', 'MedicalRecordLocator'), ('(0010,1100)', 'ReferencedPatientPhotoSequence'),
('(0010,2000)', 'MedicalAlerts'), ('(0010,2110)', 'Allergies'), ('(0010,2150)', 'CountryOfResidence'),
('(0010,2152)', 'RegionOfResidence'), ('(0010,2154)', 'PatientTelephoneNumbers'), ('(0010,2155)', 'PatientTelecomInformation'),
('(0010,2160)', 'EthnicGroup'), ('(0010,2161)', 'EthnicGroupCodeSequence'), ('(0010,2180)', 'Occupation'),
('(0010,21a0)', 'SmokingStatus'), ('(0010,21b0)', 'AdditionalPatientHistory'), ('(0010,21c0)', 'PregnancyStatus'),
('(0010,21d0)', 'LastMenstrualDate'), ('(0010,21f0)', 'PatientReligiousPreference'),
('(0010,2201)', 'PatientSpeciesDescription'), ('(0010,2202)', 'PatientSpeciesCodeSequence'),
('(0010,2203)', 'PatientSexNeutered'), ('(0010,2210)', 'AnatomicalOrientationType'),
('(0010,2292)', 'PatientBreedDescription'), ('(0010,2293)', 'PatientBreedCodeSequence'),
('(0010,2294)', 'BreedRegistrationSequence'), ('(0010,2295)', 'BreedRegistrationNumber'),
('(0010,2296)', 'BreedRegistryCodeSequence'), ('(0010,2297)', 'ResponsiblePerson'), ('(0010,2298)', 'ResponsiblePersonRole'),
('(0010,2299)', 'ResponsibleOrganization'), ('(0010,4000)', 'PatientComments'), ('(0010,9431)', 'ExaminedBodyThickness'),
('(0020,000d)', 'StudyInstanceUID'), ('(0020,000e)', 'SeriesInstanceUID'), ('(0020,0010)', 'StudyID'),
('(0020,0011)', 'SeriesNumber'), ('(0020,0012)', 'AcquisitionNumber'), ('(0020,0013)', 'InstanceNumber'),
('(0020,0014)', 'IsotopeNumber'), ('(0020,0015)', 'PhaseNumber'), ('(0020,0016)', 'IntervalNumber'),
('(0020,0017)', 'TimeSlotNumber'), ('(0020,0018)', 'AngleNumber'), ('(0020,0019)', 'ItemNumber'),
('(0020,0020)', 'PatientOrientation'), ('(0020,0022)', 'OverlayNumber'), ('(0020,0024)', 'CurveNumber'),
('(0020,0026)', 'LUTNumber'), ('(0020,0027)', 'PyramidLabel'), ('(0020,0030)', 'ImagePosition'),
('(0020,0032)', 'ImagePositionPatient'), ('(0020,0035)', 'ImageOrientation'), ('(0020,0037)', 'ImageOrientationPatient'),
('(0020,0050)', 'Location'), ('(0020,0052)', 'FrameOfReferenceUID'), ('(0020,0060)', 'Laterality'),
('(0020,0062)', 'ImageLaterality'), ('(0020,0070)', 'ImageGeometryType'), ('(0020,0080)', 'MaskingImage'),
('(0020,00aa)', 'ReportNumber'), ('(0020,0100)', 'TemporalPositionIdentifier'), ('(0020,0105)', 'NumberOfTemporalPositions'),
('(0020,0110)', 'TemporalResolution'), ('(0020,0200)', 'SynchronizationFrameOfReferenceUID'),
('(0020,0242)', 'SOPInstanceUIDOfConcatenationSource'), ('(0020,1000)', 'SeriesInStudy'),
('(0020,1001)', 'AcquisitionsInSeries'), ('(0020,1002)', 'ImagesInAcquisition'), ('(0020,1003)', 'ImagesInSeries'),
('(0020,1004)', 'AcquisitionsInStudy'), ('(0020,1005)', 'ImagesInStudy'), ('(0020,1020)', 'Reference'),
('(0020,103f)', 'TargetPositionReferenceIndicator'), ('(0020,1040)', 'PositionReferenceIndicator'),
('(0020,1041)', 'SliceLocation'), ('(0020,1070)', 'OtherStudyNumbers'), ('(0020,1200)', 'NumberOfPatientRelatedStudies'),
('(0020,1202)', 'NumberOfPatientRelatedSeries'), ('(0020,1204)', 'NumberOfPatientRelatedInstances'),
('(0020,1206)', 'NumberOfStudyRelatedSeries'), ('(0020,1208)', 'NumberOfStudyRelatedInstances'),
('(0020,1209)', 'NumberOfSeriesRelatedInstances'), ('(0020,3401)', 'ModifyingDeviceID'), ('(0020,3402)', 'ModifiedImageID'),
('(0020,3403)', 'ModifiedImageDate'), ('(0020,3404)', 'ModifyingDeviceManufacturer'), ('(0020,3405)', 'ModifiedImageTime'),
('(0020,3406)', 'ModifiedImageDescription'), ('(0020,4000)', 'ImageComments'), ('(0020,5000)', 'OriginalImageIdentification'),
('(0020,5002)', 'OriginalImageIdentificationNomenclature'), ('(0020,9056)', 'StackID'),
('(0020,9057)', 'InStackPositionNumber'), ('(0020,9071)', 'FrameAnatomySequence'), ('(0020,9072)', 'FrameLaterality'),
('(0020,9111)', 'FrameContentSequence'), ('(0020,9113)', 'PlanePositionSequence'), ('(0020,9116)', 'PlaneOrientationSequence'),
('(0020,9128)', 'TemporalPositionIndex'), ('(0020,9153)', 'NominalCardiacTriggerDelayTime'),
('(0020,9154)', 'NominalCardiacTriggerTimePriorToRPeak'), ('(0020,9155)', 'ActualCardiacTriggerTimePriorToRPeak'),
('(0020,9156)', 'FrameAcquisitionNumber'), ('(0020,9157)', 'DimensionIndexValues'), ('(0020,9158)', 'FrameComments'),
('(0020,9161)', 'ConcatenationUID'), ('(0020,9162)', 'InConcatenationNumber'), ('(0020,9163)', 'InConcatenationTotalNumber'),
('(0020,9164)', 'DimensionOrganizationUID'), ('(0020,9165)', 'DimensionIndexPointer'),
('(0020,9167)', 'FunctionalGroupPointer'), ('(0020,9170)', 'UnassignedSharedConvertedAttributesSequence'),
('(0020,9171)', 'UnassignedPerFrameConvertedAttributesSequence'), ('(0020,9172)', 'ConversionSourceAttributesSequence'),
('(0020,9213)', 'DimensionIndexPrivateCreator'), ('(0020,9221)', 'DimensionOrganizationSequence'),
('(0020,9222)', 'DimensionIndexSequence'), ('(0020,9228)', 'ConcatenationFrameOffsetNumber'),
('(0020,9238)', 'FunctionalGroupPrivateCreator'), ('(0020,9241)', 'NominalPercentageOfCardiacPhase'),
('(0020,9245)', 'NominalPercentageOfRespiratoryPhase'), ('(0020,9246)', 'StartingRespiratoryAmplitude'),
('(0020,9247)', 'StartingRespiratoryPhase'), ('(0020,9248)', 'EndingRespiratoryAmplitude'),
('(0020,9249)', 'EndingRespiratoryPhase'), ('(0020,9250)', 'RespiratoryTriggerType'), ('(0020,9251)', 'RRIntervalTimeNominal'),
('(0020,9252)', 'ActualCardiacTriggerDelayTime'), ('(0020,9253)', 'RespiratorySynchronizationSequence'),
('(0020,9254)', 'RespiratoryIntervalTime'), ('(0020,9255)', 'NominalRespiratoryTriggerDelayTime'),
('(0020,9256)', 'RespiratoryTriggerDelayThreshold'), ('(0020,9257)', 'ActualRespiratoryTriggerDelayTime'),
('(0020,9301)', 'ImagePositionVolume'), ('(0020,9302)', 'ImageOrientationVolume'),
('(0020,9307)', 'UltrasoundAcquisitionGeometry'), ('(0020,9308)', 'ApexPosition'),
('(0020,9309)', 'VolumeToTransducerMappingMatrix'), ('(0020,930a)', 'VolumeToTableMappingMatrix'),
('(0020,930b)', 'VolumeToTransducerRelationship'), ('(0020,930c)', 'PatientFrameOfReferenceSource'),
('(0020,930d)', 'TemporalPositionTimeOffset'), ('(0020,930e)', 'PlanePositionVolumeSequence'),
('(0020,930f)', 'PlaneOrientationVolumeSequence'), ('(0020,9310)', 'TemporalPositionSequence'),
('(0020,9311)', 'DimensionOrganizationType'), ('(0020,9312)', 'VolumeFrameOfReferenceUID'),
('(0020,9313)', 'TableFrameOfReferenceUID'), ('(0020,9421)', 'DimensionDescriptionLabel'),
('(0020,9450)', 'PatientOrientationInFrameSequence'), ('(0020,9453)', 'FrameLabel'), ('(0020,9518)', 'AcquisitionIndex'),
('(0020,9529)', 'ContributingSOPInstancesReferenceSequence'), ('(0020,9536)', 'ReconstructionIndex'),
('(0028,0002)', 'SamplesPerPixel'), ('(0028,0003)', 'SamplesPerPixelUsed'), ('(0028,0004)', 'PhotometricInterpretation'),
('(0028,0005)', 'ImageDimensions'), ('(0028,0006)', 'PlanarConfiguration'), ('(0028,0008)', 'NumberOfFrames'),
('(0028,0009)', 'FrameIncrementPointer'), ('(0028,000a)', 'FrameDimensionPointer'), ('(0028,0010)', 'Rows'),
('(0028,0011)', 'Columns'), ('(0028,0012)', 'Planes'), ('(0028,0014)', 'UltrasoundColorDataPresent'), ('(0028,0020)', ''),
('(0028,0030)', 'PixelSpacing'), ('(0028,0031)', 'ZoomFactor'), ('(0028,0032)', 'ZoomCenter'),
('(0028,0034)', 'PixelAspectRatio'), ('(0028,0040)', 'ImageFormat'), ('(0028,0050)', 'ManipulatedImage'),
('(0028,0051)', 'CorrectedImage'), ('(0028,005f)', 'CompressionRecognitionCode'), ('(0028,0060)', 'CompressionCode'),
('(0028,0061)', 'CompressionOriginator'), ('(0028,0062)', 'CompressionLabel'), ('(0028,0063)', 'CompressionDescription'),
('(0028,0065)', 'CompressionSequence'), ('(0028,0066)', 'CompressionStepPointers'), ('(0028,0068)', 'RepeatInterval'),
('(0028,0069)', 'BitsGrouped'), ('(0028,0070)', 'PerimeterTable'), ('(0028,0071)', 'PerimeterValue'),
('(0028,0080)', 'PredictorRows'), ('(0028,0081)', 'PredictorColumns'), ('(0028,0082)', 'PredictorConstants'),
('(0028,0090)', 'BlockedPixels'), ('(0028,0091)', 'BlockRows'), ('(0028,0092)', 'BlockColumns'), ('(0028,0093)', 'RowOverlap'),
('(0028,0094)', 'ColumnOverlap'), ('(0028,0100)', 'BitsAllocated'), ('(0028,0101)', 'BitsStored'), ('(0028,0102)', 'HighBit'),
('(0028,0103)', 'PixelRepresentation'), ('(0028,0104)', 'SmallestValidPixelValue'), ('(0028,0105)', 'LargestValidPixelValue'),
('(0028,0106)', 'SmallestImagePixelValue'), ('(0028,0107)', 'LargestImagePixelValue'),
('(0028,0108)', 'SmallestPixelValueInSeries'), ('(0028,0109)', 'LargestPixelValueInSeries'),
('(0028,0110)', 'SmallestImagePixelValueInPlane'), ('(0028,0111)', 'LargestImagePixelValueInPlane'),
('(0028,0120)', 'PixelPaddingValue'), ('(0028,0121)', 'PixelPaddingRangeLimit'), ('(0028,0122)', 'FloatPixelPaddingValue'),
('(0028,0123)', 'DoubleFloatPixelPaddingValue'), ('(0028,0124)', 'FloatPixelPaddingRangeLimit'),
('(0028,0125)', 'DoubleFloatPixelPaddingRangeLimit'), ('(0028,0200)', 'ImageLocation'), ('(0028,0300)', 'QualityControlImage'),
('(0028,0301)', 'BurnedInAnnotation'), ('(0028,0302)', 'RecognizableVisualFeatures'),
('(0028,0303)', 'LongitudinalTemporalInformationModified'), ('(0028,0304)', 'ReferencedColorPaletteInstanceUID'),
('(0028,0400)', 'TransformLabel'), ('(0028,0401)', 'TransformVersionNumber'), ('(0028,0402)', 'NumberOfTransformSteps'),
('(0028,0403)', 'SequenceOfCompressedData'), ('(0028,0404)', 'DetailsOfCoefficients'), ('(0028,0700)', 'DCTLabel'),
('(0028,0701)', 'DataBlockDescription'), ('(0028,0702)', 'DataBlock'), ('(0028,0710)', 'NormalizationFactorFormat'),
('(0028,0720)', 'ZonalMapNumberFormat'), ('(0028,0721)', 'ZonalMapLocation'), ('(0028,0722)', 'ZonalMapFormat'),
('(0028,0730)', 'AdaptiveMapFormat'), ('(0028,0740)', 'CodeNumberFormat'), ('(0028,0a02)', 'PixelSpacingCalibrationType'),
('(0028,0a04)', 'PixelSpacingCalibrationDescription'), ('(0028,1040)', 'PixelIntensityRelationship'),
('(0028,1041)', 'PixelIntensityRelationshipSign'), ('(0028,1050)', 'WindowCenter'), ('(0028,1051)', 'WindowWidth'),
('(0028,1052)', 'RescaleIntercept'), ('(0028,1053)', 'RescaleSlope'), ('(0028,1054)', 'RescaleType'),
('(0028,1055)', 'WindowCenterWidthExplanation'), ('(0028,1056)', 'VOILUTFunction'), ('(0028,1080)', 'GrayScale'),
('(0028,1090)', 'RecommendedViewingMode'), ('(0028,1100)', 'GrayLookupTableDescriptor'),
('(0028,1101)', 'RedPaletteColorLookupTableDescriptor'), ('(0028,1102)', 'GreenPaletteColorLookupTableDescriptor'),
('(0028,1103)', 'BluePaletteColorLookupTableDescriptor'), ('(0028,1104)', 'AlphaPaletteColorLookupTableDescriptor'),
('(0028,1111)', 'LargeRedPaletteColorLookupTableDescriptor'), ('(0028,1112)', 'LargeGreenPaletteColorLookupTableDescriptor'),
('(0028,1113)', 'LargeBluePaletteColorLookupTableDescriptor'), ('(0028,1199)', 'PaletteColorLookupTableUID'),
('(0028,1200)', 'GrayLookupTableData'), ('(0028,1201)', 'RedPaletteColorLookupTableData'),
('(0028,1202)', 'GreenPaletteColorLookupTableData'), ('(0028,1203)', 'BluePaletteColorLookupTableData'),
('(0028,1204)', 'AlphaPaletteColorLookupTableData'), ('(0028,1211)', 'LargeRedPaletteColorLookupTableData'),
('(0028,1212)', 'LargeGreenPaletteColorLookupTableData'), ('(0028,1213)', 'LargeBluePaletteColorLookupTableData'),
('(0028,1214)', 'LargePaletteColorLookupTableUID'), ('(0028,1221)', 'SegmentedRedPaletteColorLookupTableData'),
('(0028,1222)', 'SegmentedGreenPaletteColorLookupTableData'), ('(0028,1223)', 'SegmentedBluePaletteColorLookupTableData'),
('(0028,1224)', 'SegmentedAlphaPaletteColorLookupTableData'), ('(0028,1230)', 'StoredValueColorRangeSequence'),
('(0028,1231)', 'MinimumStoredValueMapped'), ('(0028,1232)', 'MaximumStoredValueMapped'),
('(0028,1300)', 'BreastImplantPresent'), ('(0028,1350)', 'PartialView'), ('(0028,1351)', 'PartialViewDescription'),
('(0028,1352)', 'PartialViewCodeSequence'), ('(0028,135a)', 'SpatialLocationsPreserved'),
('(0028,1401)', 'DataFrameAssignmentSequence'), ('(0028,1402)', 'DataPathAssignment'),
('(0028,1403)', 'BitsMappedToColorLookupTable'), ('(0028,1404)', 'BlendingLUT1Sequence'),
('(0028,1405)', 'BlendingLUT1TransferFunction'), ('(0028,1406)', 'BlendingWeightConstant'),
('(0028,1407)', 'BlendingLookupTableDescriptor'), ('(0028,1408)', 'BlendingLookupTableData'),
('(0028,140b)', 'EnhancedPaletteColorLookupTableSequence'), ('(0028,140c)', 'BlendingLUT2Sequence'),
('(0028,140d)', 'BlendingLUT2TransferFunction'), ('(0028,140e)', 'DataPathID'), ('(0028,140f)', 'RGBLUTTransferFunction'),
('(0028,1410)', 'AlphaLUTTransferFunction'), ('(0028,2000)', 'ICCProfile'), ('(0028,2002)', 'ColorSpace'),
('(0028,2110)', 'LossyImageCompression'), ('(0028,2112)', 'LossyImageCompressionRatio'),
('(0028,2114)', 'LossyImageCompressionMethod'), ('(0028,3000)', 'ModalityLUTSequence'),
('(0028,3001)', 'VariableModalityLUTSequence'), ('(0028,3002)', 'LUTDescriptor'), ('(0028,3003)', 'LUTExplanation'),
('(0028,3004)', 'ModalityLUTType'), ('(0028,3006)', 'LUTData'), ('(0028,3010)', 'VOILUTSequence'),
('(0028,3110)', 'SoftcopyVOILUTSequence'), ('(0028,4000)', 'ImagePresentationComments'),
('(0028,5000)', 'BiPlaneAcquisitionSequence'), ('(0028,6010)', 'RepresentativeFrameNumber'),
('(0028,6020)', 'FrameNumbersOfInterest'), ('(0028,6022)', 'FrameOfInterestDescription'),
('(0028,6023)', 'FrameOfInterestType'), ('(0028,6030)', 'MaskPointers'), ('(0028,6040)', 'RWavePointer'),
('(0028,6100)', 'MaskSubtractionSequence'), ('(0028,6101)', 'MaskOperation'), ('(0028,6102)', 'ApplicableFrameRange'),
('(0028,6110)', 'MaskFrameNumbers'), ('(0028,6112)', 'ContrastFrameAveraging'), ('(0028,6114)', 'MaskSubPixelShift'),
('(0028,6120)', 'TIDOffset'), ('(0028,6190)', 'MaskOperationExplanation'), ('(0028,7000)', 'EquipmentAdministratorSequence'),
('(0028,7001)', 'NumberOfDisplaySubsystems'), ('(0028,7002)', 'CurrentConfigurationID'), ('(0028,7003)', 'DisplaySubsystemID'),
('(0028,7004)', 'DisplaySubsystemName'), ('(0028,7005)', 'DisplaySubsystemDescription'), ('(0028,7006)', 'SystemStatus'),
('(0028,7007)', 'SystemStatusComment'), ('(0028,7008)', 'TargetLuminanceCharacteristicsSequence'),
('(0028,7009)', 'LuminanceCharacteristicsID'), ('(0028,700a)', 'DisplaySubsystemConfigurationSequence'),
('(0028,700b)', 'ConfigurationID'), ('(0028,700c)', 'ConfigurationName'), ('(0028,700d)', 'ConfigurationDescription'),
('(0028,700e)', 'ReferencedTargetLuminanceCharacteristicsID'), ('(0028,700f)', 'QAResultsSequence'),
('(0028,7010)', 'DisplaySubsystemQAResultsSequence'), ('(0028,7011)', 'ConfigurationQAResultsSequence'),
('(0028,7012)', 'MeasurementEquipmentSequence'), ('(0028,7013)', 'MeasurementFunctions'),
('(0028,7014)', 'MeasurementEquipmentType'), ('(0028,7015)', 'VisualEvaluationResultSequence'),
('(0028,7016)', 'DisplayCalibrationResultSequence'), ('(0028,7017)', 'DDLValue'), ('(0028,7018)', 'CIExyWhitePoint'),
('(0028,7019)', 'DisplayFunctionType'), ('(0028,701a)', 'GammaValue'), ('(0028,701b)', 'NumberOfLuminancePoints'),
('(0028,701c)', 'LuminanceResponseSequence'), ('(0028,701d)', 'TargetMinimumLuminance'),
('(0028,701e)', 'TargetMaximumLuminance'), ('(0028,701f)', 'LuminanceValue'), ('(0028,7020)', 'LuminanceResponseDescription'),
('(0028,7021)', 'WhitePointFlag'), ('(0028,7022)', 'DisplayDeviceTypeCodeSequence'),
('(0028,7023)', 'DisplaySubsystemSequence'), ('(0028,7024)', 'LuminanceResultSequence'),
('(0028,7025)', 'AmbientLightValueSource'), ('(0028,7026)', 'MeasuredCharacteristics'),
('(0028,7027)', 'LuminanceUniformityResultSequence'), ('(0028,7028)', 'VisualEvaluationTestSequence'),
('(0028,7029)', 'TestResult'), ('(0028,702a)', 'TestResultComment'), ('(0028,702b)', 'TestImageValidation'),
('(0028,702c)', 'TestPatternCodeSequence'), ('(0028,702d)', 'MeasurementPatternCodeSequence'),
('(0028,702e)', 'VisualEvaluationMethodCodeSequence'), ('(0028,7fe0)', 'PixelDataProviderURL'),
('(0028,9001)', 'DataPointRows'), ('(0028,9002)', 'DataPointColumns'), ('(0028,9003)', 'SignalDomainColumns'),
('(0028,9099)', 'LargestMonochromePixelValue'), ('(0028,9108)', 'DataRepresentation'),
('(0028,9110)', 'PixelMeasuresSequence'), ('(0028,9132)', 'FrameVOILUTSequence'),
('(0028,9145)', 'PixelValueTransformationSequence'), ('(0028,9235)', 'SignalDomainRows'),
('(0028,9411)', 'DisplayFilterPercentage'), ('(0028,9415)', 'FramePixelShiftSequence'), ('(0028,9416)', 'SubtractionItemID'),
('(0028,9422)', 'PixelIntensityRelationshipLUTSequence'), ('(0028,9443)', 'FramePixelDataPropertiesSequence'),
('(0028,9444)', 'GeometricalProperties'), ('(0028,9445)', 'GeometricMaximumDistortion'),
('(0028,9446)', 'ImageProcessingApplied'), ('(0028,9454)', 'MaskSelectionMode'), ('(0028,9474)', 'LUTFunction'),
('(0028,9478)', 'MaskVisibilityPercentage'), ('(0028,9501)', 'PixelShiftSequence'),
('(0028,9502)', 'RegionPixelShiftSequence'), ('(0028,9503)', 'VerticesOfTheRegion'),
('(0028,9505)', 'MultiFramePresentationSequence'), ('(0028,9506)', 'PixelShiftFrameRange'), ('(0028,9507)', 'LUTFrameRange'),
('(0028,9520)', 'ImageToEquipmentMappingMatrix'), ('(0028,9537)', 'EquipmentCoordinateSystemIdentification'),
('(7fe0,0001)', 'ExtendedOffsetTable'), ('(7fe0,0002)', 'ExtendedOffsetTableLengths'),
('(7fe0,0003)', 'EncapsulatedPixelDataValueTotalLength'), ('(7fe0,0008)', 'FloatPixelData'),
('(7fe0,0009)', 'DoubleFloatPixelData'), ('(7fe0,0010)', 'PixelData'), ('(7fe0,0020)', 'CoefficientsSDVN'),
('(7fe0,0030)', 'CoefficientsSDHN'), ('(7fe0,0040)', 'CoefficientsSDDN')
) AS named (tag, keyword);
-- </names>

-- a row for each listed object; all_instances: those of all runs whose accounts are here
CREATE OR REPLACE TEMP VIEW instances AS
SELECT run_id, rows.* EXCLUDE (filename)
FROM (FROM no_instances UNION ALL BY NAME FROM query(getvariable('instances_now'))) AS rows JOIN audit_files USING (filename);
CREATE OR REPLACE TEMP VIEW all_instances AS
SELECT run_id, is_current, rows.* EXCLUDE (filename)
FROM (FROM no_instances UNION ALL BY NAME FROM query(getvariable('instances_ever'))) AS rows JOIN audit_files USING (filename);
-- objects that the run before knew, and that aren't listed any more
CREATE OR REPLACE TEMP VIEW gone AS
SELECT * EXCLUDE (filename) FROM (FROM no_instances UNION ALL BY NAME FROM query(getvariable('gone_now')));
CREATE OR REPLACE TEMP VIEW uid_map AS
SELECT * EXCLUDE (filename) FROM (FROM no_uids UNION ALL BY NAME FROM query(getvariable('uid_map_now')));
CREATE OR REPLACE TEMP VIEW uid_references AS
SELECT * EXCLUDE (filename) FROM (FROM no_references UNION ALL BY NAME FROM query(getvariable('references_now')));

CREATE OR REPLACE TEMP VIEW by_status AS
SELECT status, count(*) AS objects, sum(source_size)::BIGINT AS source_bytes,
    (sum(size) FILTER (status IN ('written', 'skipped')))::BIGINT AS output_bytes
FROM instances GROUP BY status ORDER BY objects DESC;

-- why objects weren't written; is_new: not refused for that in the run that was gone on with
CREATE OR REPLACE TEMP VIEW by_reason AS
SELECT status, reason, count(*) AS objects, count(*) FILTER (coalesce(since = run_id, true)) AS new_objects,
    min(since) AS earliest, count(DISTINCT study_hash) AS studies, count(DISTINCT patient_id) AS patients
FROM instances WHERE reason IS NOT NULL GROUP BY ALL ORDER BY objects DESC, reason;
CREATE OR REPLACE TEMP VIEW quarantined_by_reason AS
SELECT * EXCLUDE (status) FROM by_reason WHERE status = 'quarantined' ORDER BY objects DESC, reason;
CREATE OR REPLACE TEMP VIEW quarantined_by_attribute AS
SELECT reason_tag, keyword, reason, count(*) AS objects, count(*) FILTER (coalesce(since = run_id, true)) AS new_objects
FROM instances LEFT JOIN attribute_names ON tag = reason_tag
WHERE status = 'quarantined' AND reason_tag IS NOT NULL GROUP BY ALL ORDER BY objects DESC, reason_tag;
CREATE OR REPLACE TEMP VIEW quarantined_by_risk AS
SELECT risk, count(*) AS objects, count(*) FILTER (status = 'quarantined') AS quarantined
FROM (SELECT status, unnest(pixel_risks) AS risk FROM instances) GROUP BY risk ORDER BY objects DESC, risk;
CREATE OR REPLACE TEMP VIEW quarantined AS
SELECT reason, reason_tag, keyword, coalesce(since = run_id, true) AS is_new, since, patient_id, study_instance_uid,
    series_instance_uid, sop_instance_uid, modality, sop_classes.name AS sop_class, transfer_syntax_uid, source_size, source_id
FROM instances LEFT JOIN attribute_names ON tag = reason_tag LEFT JOIN sop_classes ON sop_classes.uid = sop_class_uid
WHERE status = 'quarantined';

CREATE OR REPLACE TEMP VIEW by_modality AS
SELECT modality, modalities.name AS modality_name, sop_class_uid, sop_classes.name AS sop_class, count(*) AS objects,
    count(*) FILTER (status IN ('written', 'skipped')) AS in_output, count(*) FILTER (status = 'duplicate') AS duplicate,
    count(*) FILTER (status = 'filtered') AS filtered, count(*) FILTER (status = 'quarantined') AS quarantined
FROM instances LEFT JOIN modalities ON modalities.code = modality LEFT JOIN sop_classes ON sop_classes.uid = sop_class_uid
GROUP BY ALL ORDER BY objects DESC, modality, sop_class_uid;

-- objects of one patient by the new PatientID; null: unknown, or a rule keeps the original one
CREATE OR REPLACE TEMP VIEW by_patient AS
SELECT patient_id, count(DISTINCT study_hash) AS studies, count(*) AS objects,
    count(*) FILTER (status IN ('written', 'skipped')) AS in_output, count(*) FILTER (status = 'duplicate') AS duplicate,
    count(*) FILTER (status = 'filtered') AS filtered, count(*) FILTER (status = 'quarantined') AS quarantined
FROM instances GROUP BY patient_id ORDER BY objects DESC, patient_id;

CREATE OR REPLACE TEMP VIEW by_study AS
SELECT study_hash, any_value(study_instance_uid) AS study_instance_uid, any_value(patient_id) AS patient_id,
    list_sort(list(DISTINCT modality) FILTER (modality IS NOT NULL)) AS modalities,
    count(DISTINCT series_instance_uid) AS series, count(*) AS listed,
    count(*) FILTER (status = 'written') AS written, count(*) FILTER (status = 'skipped') AS skipped,
    count(*) FILTER (status = 'duplicate') AS duplicate, count(*) FILTER (status = 'filtered') AS filtered,
    count(*) FILTER (status NOT IN ('written', 'skipped', 'duplicate', 'filtered')) AS missing,
    list_sort(list(DISTINCT reason) FILTER (status = 'quarantined')) AS reasons,
    count(*) FILTER (status = 'quarantined' AND coalesce(since = run_id, true)) AS new_missing
FROM instances WHERE study_hash IS NOT NULL GROUP BY study_hash ORDER BY study_instance_uid;
-- less of these came out than was listed: all but what is written, skipped, duplicate or left out by policy is missing
CREATE OR REPLACE TEMP VIEW incomplete_studies AS
SELECT * FROM by_study WHERE missing > 0 ORDER BY missing DESC, study_instance_uid;

-- what was done to each object that lies in the output; of a skipped one its row in the run that wrote it says so
CREATE OR REPLACE TEMP VIEW object_actions AS
SELECT source_id, run_id, output_name, unnest(actions, recursive := true)
FROM (
    SELECT source_id, run_id, output_name, actions FROM instances WHERE status = 'written'
    UNION ALL
    SELECT source_id, made.run_id, made.output_name, made.actions
    FROM instances AS now JOIN all_instances AS made USING (source_id)
    WHERE now.status = 'skipped' AND made.status = 'written' AND made.run_id = now.written_in
);
CREATE OR REPLACE TEMP VIEW actions AS
SELECT path, keyword, "action", count(*) AS objects, sum(count)::BIGINT AS times
FROM object_actions GROUP BY ALL ORDER BY path, "action";
-- skipped objects whose actions are in an audit that lies elsewhere, by the run that has them
CREATE OR REPLACE TEMP VIEW actions_elsewhere AS
SELECT written_in, count(*) AS objects FROM instances
WHERE status = 'skipped' AND written_in NOT IN (SELECT run_id FROM accounts) GROUP BY written_in ORDER BY written_in;

-- outputs of an earlier run of objects that are refused now: they lie there until a person removes them
CREATE OR REPLACE TEMP VIEW superseded AS
SELECT output_name, size, crc32c, written_in, reason, reason_tag, since, study_instance_uid, source_id
FROM instances WHERE status = 'quarantined' AND output_name IS NOT NULL AND written_in IS NOT NULL ORDER BY output_name;
-- what lies in the output and another version wrote, or other settings
CREATE OR REPLACE TEMP VIEW other_settings AS
SELECT CASE WHEN is_version THEN 'settings' ELSE 'versions' END AS other, version, settings_digest, profile_digest,
    count(*) AS objects
FROM (
    SELECT instances.*, coalesce(version = (account ->> '$.origin.version'), false) AS is_version,
        coalesce(settings_digest = (account ->> '$.settings.settings_digest'), profile_digest = (account ->> '$.profile_digest'), false)
            AS has_settings
    FROM instances JOIN accounts USING (run_id) WHERE status IN ('written', 'skipped') AND is_current
)
WHERE NOT (is_version AND has_settings) GROUP BY ALL ORDER BY objects DESC;

-- all runs together; null: the run was of a version that didn't say so
CREATE OR REPLACE TEMP VIEW runs AS
SELECT run_id, is_current, CAST(account ->> '$.times.started' AS TIMESTAMP) AS started,
    CAST(account ->> '$.times.ended' AS TIMESTAMP) AS ended, CAST(account ->> '$.times.seconds.total' AS DOUBLE) AS seconds,
    CAST(account ->> '$.listed' AS BIGINT) AS listed, CAST(account ->> '$.counts.written' AS BIGINT) AS written,
    CAST(account ->> '$.counts.skipped' AS BIGINT) AS skipped, CAST(account ->> '$.counts.duplicate' AS BIGINT) AS duplicate,
    CAST(account ->> '$.counts.filtered' AS BIGINT) AS filtered,
    CAST(account ->> '$.counts.quarantined' AS BIGINT) AS quarantined,
    CASE WHEN (account -> '$.new_quarantined') IS NOT NULL THEN
        coalesce(list_sum(map_values(CAST(account -> '$.new_quarantined' AS MAP(VARCHAR, BIGINT)))), 0)::BIGINT
    END AS new_quarantined,
    (account ->> '$.new_since') AS new_since, CAST(account ->> '$.incomplete_studies' AS BIGINT) AS incomplete_studies,
    CAST(account ->> '$.superseded' AS BIGINT) AS superseded, CAST(account ->> '$.gone' AS BIGINT) AS gone,
    CAST(account ->> '$.bytes_written' AS BIGINT) AS bytes_written, (account ->> '$.origin.version') AS version,
    (account ->> '$.profile_digest') AS profile_digest, (account ->> '$.settings.settings_digest') AS settings_digest,
    (account ->> '$.key_id') AS key_id
FROM accounts ORDER BY started NULLS FIRST, run_id;
CREATE OR REPLACE TEMP VIEW reasons_by_run AS
SELECT run_id, started, status, reason, count(*) AS objects, count(*) FILTER (coalesce(since = run_id, true)) AS new_objects
FROM all_instances JOIN runs USING (run_id) WHERE reason IS NOT NULL GROUP BY ALL ORDER BY started NULLS FIRST, run_id, reason;
CREATE OR REPLACE TEMP VIEW stages AS
SELECT run_id, of_stage.key AS stage, of_stage.value AS seconds
FROM (SELECT *, unnest(map_entries(CAST(account -> '$.times.seconds' AS MAP(VARCHAR, DOUBLE)))) AS of_stage FROM accounts)
ORDER BY run_id;
CREATE OR REPLACE TEMP VIEW settings_by_run AS
SELECT run_id, is_current, setting.key AS name, setting.value AS value
FROM (SELECT *, unnest(map_entries(CAST(account -> '$.settings' AS MAP(VARCHAR, JSON)))) AS setting FROM accounts)
ORDER BY run_id, name;
CREATE OR REPLACE TEMP VIEW settings AS SELECT name, value FROM settings_by_run WHERE is_current ORDER BY name;
CREATE OR REPLACE TEMP VIEW changed_settings AS
SELECT * FROM (
    SELECT run_id, name, value, lag(value) OVER of_name AS before, row_number() OVER of_name AS nth FROM settings_by_run
    WINDOW of_name AS (PARTITION BY name ORDER BY run_id)
) WHERE nth > 1 AND value IS DISTINCT FROM before ORDER BY run_id, name;

-- tables that aren't what their run wrote; that someone changed run.json with them shows only with the key (SECURITY.md)
SET VARIABLE audit_tables = (SELECT list(filename) FROM audit_files);
SET VARIABLE digests_now = CASE WHEN getvariable('audit_tables') IS NULL THEN 'SELECT NULL AS filename, NULL AS found WHERE false'
    ELSE 'SELECT filename, sha256(content) AS found FROM read_blob(getvariable(''audit_tables''))' END;
CREATE OR REPLACE TEMP VIEW changed_files AS
SELECT run_id, kind, filename FROM audit_files JOIN query(getvariable('digests_now')) USING (filename) WHERE found <> sha256;
